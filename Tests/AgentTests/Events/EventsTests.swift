// What happens at an agent is reported in order and once, and is bounded whether the relay asks or
// not.
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct EventsTests {
    private func session(_ id: Int, _ step: AgentEvent.SessionStep) -> AgentEvent.Matter {
        .session("id.\(id)", step, principal: "p")
    }

    /// Events whose relay has asked for the first time.
    @IO private func asked(patience: Duration = .seconds(60)) async -> (Events, last: Int) {
        let events = Events(patience: patience)
        events.publish(session(0, .opened))
        let first = await events.answer(after: nil)
        #expect(first == AgentEvents(last: 1, isMissed: true))
        return (events, first.last)
    }

    @Test @IO func `a question is answered with what followed, in order`() async {
        let (events, last) = await asked()
        events.publish(session(1, .opened))
        events.publish(.link("db-1", .opened))
        let answer = await events.answer(after: last)
        #expect(
            answer.events == [
                AgentEvent(2, session(1, .opened)), AgentEvent(3, .link("db-1", .opened)),
            ])
        #expect(answer.last == 3 && !answer.isMissed)
        // The same question again, as after a broken tunnel, has the same answer.
        #expect(await events.answer(after: last) == answer)
        // One that knows them waits for the next.
        let waiting = IO.task { await events.answer(after: 3) }
        try? await IO.sleep(for: .milliseconds(20))
        events.publish(.facts(AgentFacts()))
        #expect(await waiting.value.events.map(\.number) == [4])
    }

    @Test @IO func `kinds that the relay does not want are neither numbered nor reported`() async {
        let events = Events()
        let first = await events.answer(after: nil, of: [.link])
        events.publish(.session("id.1", .opened, principal: "p"))
        events.publish(.link("db", .lost))
        let answer = await events.answer(after: first.last, of: [.link])
        #expect(answer.events == [AgentEvent(1, .link("db", .lost))] && answer.last == 1)
        // Later it wants more.
        _ = await events.answer(after: nil)
        events.publish(.session("id.1", .ended, principal: "p"))
        let more = await events.answer(after: 1)
        #expect(more.events.map(\.number) == [2])
    }

    @Test @IO func `facts that changed after the hello are in the first answer`() async {
        let events = Events()
        events.publish(.facts(AgentFacts()))
        events.saidFacts()
        #expect(await events.answer(after: nil) == AgentEvents(last: 1, isMissed: true))
        var facts = AgentFacts()
        facts.hostname = "new"
        events.publish(.facts(facts))
        // As a relay that was restarted asks.
        let event = AgentEvent(2, .facts(facts))
        #expect(await events.answer(after: nil) == AgentEvents([event], last: 2, isMissed: true))
        #expect(await events.answer(after: nil, of: [.link]).events.isEmpty)
    }

    @Test @IO func `a later event stands for earlier ones about the same thing`() async {
        let (events, last) = await asked()
        for step in [AgentEvent.SessionStep.opened, .changed, .ended] {
            events.publish(session(1, step))
            events.publish(session(2, .changed))
        }
        let answer = await events.answer(after: last)
        #expect(
            answer.events == [
                AgentEvent(6, session(1, .ended)), AgentEvent(7, session(2, .changed)),
            ])
        #expect(answer.last == 7)
    }

    @Test @IO func `nothing is kept for a relay that never asks`() async {
        let events = Events()
        for number in 1...100 { events.publish(session(number, .opened)) }
        #expect(await events.answer(after: 3) == AgentEvents(last: 100, isMissed: true))
    }

    @Test(arguments: [Events.limit, 10 * Events.limit]) @IO
    func `too many events are dropped, the oldest first, and that is said`(count: Int) async {
        let (events, last) = await asked()
        for number in 1...count { events.publish(session(number, .opened)) }
        let (known, newest) = (last, last + count)
        let isMissed = count > Events.limit
        let answer = await events.answer(after: known)
        #expect(answer.isMissed == isMissed)
        #expect(answer.events.isEmpty == isMissed)
        #expect(!isMissed || answer.last == newest)
        // The newest are still there.
        let half = newest - Events.limit / 2
        var (heard, next) = ([Int](), half)
        while next < newest {
            let piece = await events.answer(after: next)
            heard += piece.events.map(\.number)
            next = piece.last
        }
        #expect(heard == Array(half + 1...newest))
    }

    @Test @IO func `a thing that changes all the time takes one place`() async {
        let (events, last) = await asked()
        events.publish(session(1, .opened))
        for _ in 0..<10 * Events.limit {
            events.publish(session(2, .changed))
            #expect(events.keptCount <= Events.limit)
        }
        let answer = await events.answer(after: last)
        #expect(answer.events.map(\.number) == [2, 2 + 10 * Events.limit])
    }

    @Test @IO func `an answer is never longer than the relay takes`() async throws {
        let (events, last) = await asked()
        let host = String(repeating: "h", count: 4000)
        for number in 1...100 { events.publish(.link("\(number)\(host)", .lost)) }
        var next = last
        var heard: [Int] = []
        while heard.count < 100 {
            let answer = await events.answer(after: next)
            let bytes = Reply.result(RawJSON(answer.json)).encoded()
            #expect(bytes.count <= AgentEvents.bytes && !answer.events.isEmpty)
            heard += answer.events.map(\.number)
            next = answer.last
        }
        #expect(heard == Array(2...101))
    }

    @Test @IO func `a number from another process, or from the future, is missed`() async {
        let (events, last) = await asked()
        #expect(await events.answer(after: 99) == AgentEvents(last: last, isMissed: true))
    }

    @Test @IO func `a question ends in time, by a later one, and with its call`() async {
        let (events, last) = await asked(patience: .milliseconds(20))
        #expect(await events.answer(after: last) == AgentEvents(last: last))
        let (patient, known) = await asked()
        let first = IO.task { await patient.answer(after: known) }
        try? await IO.sleep(for: .milliseconds(20))
        let second = IO.task { await patient.answer(after: known) }
        #expect(await first.value == AgentEvents(last: known))
        second.cancel()
        #expect(await second.value == AgentEvents(last: known))
    }

    // MARK: Sources

    /// What an agent reports while a test works at it, until `isOver`.
    @IO private func heard(
        at desk: Desk, until isOver: @escaping ([AgentEvent.Matter]) -> Bool,
        _ work: @IO () async throws -> Void
    ) async throws -> [AgentEvent.Matter] {
        let events = desk.service.events
        var last = await events.answer(after: nil).last
        try await work()
        var all: [AgentEvent.Matter] = []
        while !isOver(all) {
            guard
                let answer = await IO.within(
                    .seconds(10),
                    { [last] in
                        await events.answer(after: last)
                    })
            else {
                Issue.record("nothing more after \(all)")
                break
            }
            last = answer.last
            all += answer.events.map(\.matter)
        }
        return all
    }

    @Test @IO func `sessions and their commands are reported`() async throws {
        let desk = try await Desk([])
        var id = ""
        let opened = try await heard(at: desk, until: { !$0.isEmpty }) {
            id =
                try await desk.call(.openSession, ["target": "site/local"]).get()["session_id"]?
                .stringValue ?? ""
        }
        #expect(opened == [.session(id, .opened, principal: "ada")])
        let session: JSON.Object = ["session_id": .string(id)]
        let ran = try await heard(at: desk, until: { !$0.isEmpty }) {
            _ = try await desk.call(.runCommand, session.with(["command": "false"])).get()
        }
        #expect(ran == [.command("\(id).1", .done, principal: "ada")])
        let changed = try await heard(at: desk, until: { !$0.isEmpty }) {
            _ = try await desk.call(.updateSession, session.with(["name": "n"])).get()
        }
        #expect(changed == [.session(id, .changed, principal: "ada")])
        let ended = try await heard(at: desk, until: { $0.count == 2 }) {
            _ = try await desk.call(.runCommand, session.with(["command": "exit 3"])).get()
        }
        #expect(
            ended == [
                .command("\(id).2", .shellExited, principal: "ada"),
                .session(id, .ended, principal: "ada"),
            ])
        let closed = try await heard(at: desk, until: { !$0.isEmpty }) {
            _ = try await desk.call(.closeSession, session).get()
        }
        #expect(closed == [.session(id, .closed, principal: "ada")])
        await desk.service.shutDown()
    }

    @Test @IO func `a command's end is reported`() async throws {
        let desk = try await Desk([])
        let heard = try await heard(at: desk, until: { !$0.isEmpty }) {
            _ = try await desk.call(
                .execute, ["target": "site/local", "command": "sleep 60", "timeout_s": 0.1]
            ).get()
        }
        guard case .command(let id, .timedOut, principal: "ada") = heard.first else {
            Issue.record("\(heard)")
            return
        }
        #expect(id.hasPrefix("id."))
        await desk.service.shutDown()
    }

    @Test @IO func `links are reported as they come and go`() async throws {
        let server = try await SSHServer.start()
        let desk = try await Desk([("db-1", server, "")])
        let opened = try await heard(at: desk, until: { !$0.isEmpty }) {
            _ = try await desk.call(
                .openSession, ["target": "site/db-1", "persistent": true]
            ).get()
        }
        #expect(opened.first == .link("db-1", .opened))
        let lost = try await heard(at: desk, until: { $0.contains(.link("db-1", .lost)) }) {
            server.stop()
        }
        #expect(lost.contains(.link("db-1", .lost)))
        await desk.service.shutDown()
    }

    @Test @IO func `facts are reported when a look finds others`() async {
        let (events, last) = await asked()
        let found = Box(AgentFacts())
        let survey = Survey(events: events) { found.withLock { $0 } }
        await survey.refresh()
        found.withLock { $0.capabilities = ["docker"] }
        await survey.refresh()
        await survey.refresh()
        let matters = await events.answer(after: last).events.map(\.matter)
        #expect(matters == [.facts(found.withLock { $0 })])
    }
}
