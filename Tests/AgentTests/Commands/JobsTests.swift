// Jobs by their ids: whom they are shown to, and how many are kept after their end.
import Loop
import Testing
import Wire

@testable import homeline_agent

@Suite struct JobsTests {
    @IO private final class Errand: Job {
        let id: String
        let owner: Owner
        let started = IO.now
        var ended: ContinuousClock.Instant?
        var onEnd: (@IO () -> Void)?

        init(_ id: String, _ owner: Owner) { (self.id, self.owner) = (id, owner) }

        func end(_ moment: ContinuousClock.Instant = IO.now) {
            ended = moment
            onEnd?()
        }
    }

    private let ada = Caller(id: "1", label: "ada", reach: Caller.everywhere)
    private let bob = Caller(id: "2", label: "bob", reach: Caller.everywhere)

    @IO private func jobs(_ count: Int, limit: Int) async -> (Jobs<Errand>, [Errand]) {
        let jobs = Jobs<Errand>(limit: 100, perTarget: 100, kept: limit)
        let errands = (0..<count).map {
            Errand("\($0)", Owner(ada, at: TargetName(host: "db", user: nil, port: nil)))
        }
        for errand in errands {
            if let places = try? await jobs.take(
                for: errand.owner.id, on: errand.owner.host, until: IO.now, of: "places",
                or: "wait")
            {
                jobs.add(errand, places)
            }
        }
        return (jobs, errands)
    }

    @Test @IO func `a job is found by its id, and listed for its owner alone`() async {
        let (jobs, errands) = await jobs(2, limit: 10)
        #expect(jobs["0"] === errands[0])
        #expect(jobs["9"] == nil)
        #expect(jobs.list(for: ada).count == 2)
        #expect(jobs.list(for: bob).isEmpty)
    }

    @Test @IO
    func `places are limited for a principal at one target, and for all principals together`()
        async throws
    {
        let jobs = Jobs<Errand>(limit: 8, perTarget: 3, kept: 1)
        func take(_ principal: String, _ host: String) async throws(Fault) -> JobPlaces {
            try await jobs.take(
                for: principal, on: TargetName(host: host, user: nil, port: nil), until: IO.now,
                of: "places for commands", or: "wait")
        }
        let first = try await take("ada", "db")
        for _ in 0..<2 { _ = try await take("ada", "db") }
        let fault = await #expect(throws: Fault.self) { _ = try await take("ada", "db") }
        #expect(fault?.code == .limitReached)
        #expect(fault?.message == "3 commands of yours run on db, as many as may at a time: wait")
        // Others find room there, and the principal does elsewhere, up to its share of all.
        for _ in 0..<2 { _ = try await take("bob", "db") }
        for _ in 0..<3 { _ = try await take("ada", "web") }
        let share = await #expect(throws: Fault.self) { _ = try await take("ada", "mail") }
        #expect(share?.message.contains("6 of this agent's 8 places for commands") == true)
        first.giveBack()
        #expect(jobs.places.taken == 7)
        jobs.perTarget = 4
        _ = try await take("ada", "db")
        await #expect(throws: Fault.self) { _ = try await take("eve", "db") }
    }

    @Test @IO func `what has ended is kept, up to the limit and for an hour`() async {
        let (jobs, errands) = await jobs(5, limit: 3)
        #expect(jobs.runningCount == 5)
        for errand in errands.prefix(4) { errand.end() }
        #expect(jobs.runningCount == 1)
        // The oldest has made room.
        #expect(jobs["0"] == nil)
        #expect(jobs.all.count == 4)

        let (others, old) = await self.jobs(3, limit: 3)
        old[0].end(IO.now - .seconds(3700))
        old[1].end()
        #expect(others["0"] == nil)
        #expect(others["1"] != nil)
        #expect(others.runningCount == 1)
    }
}
