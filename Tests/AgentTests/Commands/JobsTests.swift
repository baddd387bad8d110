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

    @IO private func jobs(_ count: Int, limit: Int) -> (Jobs<Errand>, [Errand]) {
        let jobs = Jobs<Errand>(limit: limit)
        let errands = (0..<count).map {
            Errand("\($0)", Owner(ada, at: TargetName(host: "db", user: nil, port: nil)))
        }
        for errand in errands {
            if let place = try? Shares(1).take(for: errand.owner.id) { jobs.add(errand, place) }
        }
        return (jobs, errands)
    }

    @Test @IO func `a job is found by its id, and listed for its owner alone`() {
        let (jobs, errands) = jobs(2, limit: 10)
        #expect(jobs["0"] === errands[0])
        #expect(jobs["9"] == nil)
        #expect(jobs.list(for: ada).count == 2)
        #expect(jobs.list(for: bob).isEmpty)
    }

    @Test @IO func `what has ended is kept, up to the limit and for an hour`() {
        let (jobs, errands) = jobs(5, limit: 3)
        #expect(jobs.runningCount == 5)
        for errand in errands.prefix(4) { errand.end() }
        #expect(jobs.runningCount == 1)
        // The oldest has made room.
        #expect(jobs["0"] == nil)
        #expect(jobs.all.count == 4)

        let (others, old) = self.jobs(3, limit: 3)
        old[0].end(IO.now - .seconds(3700))
        old[1].end()
        #expect(others["0"] == nil)
        #expect(others["1"] != nil)
        #expect(others.runningCount == 1)
    }
}
