// The relay hears what happens at its agents, over all of their connections, and an agent that
// breaks the contract costs a line of the log and no more.
import JSON
import Loop
import MCP
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct EventWatchTests {
    /// A relay that hears one agent, whose answers a test decides.
    @IO private final class Place {
        let house: House
        let watch: EventWatch
        let joined: Joined
        var agent: Agent?
        var heard: [AgentEvent.Matter] = []
        var misses = 0
        var lines: [String] = []
        /// What the agent was asked, in order.
        var asked: [Int?] = []
        /// Answers the n-th question; nil: it waits.
        var answer: @IO (Int, Int?) -> JSON? = { _, _ in nil }
        private var boot: Int64 = 1
        private var connections: Int64 = 0

        init() async throws {
            house = try await House()
            joined = try await house.joined("site")
            watch = EventWatch(
                fleet: house.fleet,
                log: AgentLog { [written] line in written.withLock { $0.append(line) } })
            watch.onEvent = { [weak self] in self?.heard.append($1) }
            watch.onMissed = { [weak self] _ in self?.misses += 1 }
            house.fleet.onArrival = { [watch] in watch.follow($0) }
        }

        private let written = Box<[String]>([])
        var log: [String] { written.withLock { $0 } }
        var id: String { joined.record.id }

        /// Connects the agent, as a new process or as the one before.
        func connect(isNewProcess: Bool = false) async throws {
            if isNewProcess { boot += 1 }
            connections += 1
            let agent = try await house.connect(
                joined, epoch: .init(boot: boot, connection: connections))
            agent.serve = { [weak self] in await self?.serve($0) ?? [] }
            self.agent = agent
            _ = await agent.verdict.wait()
            #expect(await until { self.house.fleet.all[0].comings == self.connections })
        }

        private func serve(_ request: Request) async -> [UInt8] {
            guard request.method == Wire.Method.events.rawValue else {
                return Reply.result(RawJSON(["ok": true])).encoded()
            }
            let after = request.arguments["after"]?.intValue.map { Int($0) }
            asked.append(after)
            guard let answer = answer(asked.count, after) else {
                return await Once<[UInt8]>().wait()
            }
            return Reply.result(RawJSON(answer)).encoded()
        }

        /// An answer with one event about a link to `host`.
        func link(_ number: Int, _ host: String) -> JSON {
            AgentEvents([AgentEvent(number, .link(host, .opened))], last: number).json
        }
    }

    @Test @IO func `events come in order, over a new connection too`() async throws {
        let place = try await Place()
        place.answer = { [unowned place] count, _ in
            switch count {
            case 1: AgentEvents(last: 7, isMissed: true).json
            case 2: place.link(8, "a")
            case 4: place.link(9, "b")
            default: nil
            }
        }
        try await place.connect()
        #expect(await until { place.asked.count == 3 })
        place.agent?.close()
        #expect(await until { place.house.fleet.all[0].connection == nil })
        try await place.connect()
        #expect(await until { place.asked.count == 5 })
        #expect(place.asked == [nil, 7, 8, 8, 9])
        #expect(place.heard == [.link("a", .opened), .link("b", .opened)])
        // The agent was looked at when it connected.
        #expect(place.misses == 0 && place.log == [])
        place.house.close()
    }

    @Test @IO func `a new process numbers its events from 1, and a gap is reported`() async throws {
        let place = try await Place()
        place.answer = { count, _ in
            switch count {
            case 1: AgentEvents(last: 7, isMissed: true).json
            case 2: AgentEvents(last: 5000, isMissed: true).json
            case 4: AgentEvents(last: 1, isMissed: true).json
            default: nil
            }
        }
        try await place.connect()
        #expect(await until { place.asked.count == 3 })
        #expect(place.misses == 1)
        try await place.connect(isNewProcess: true)
        #expect(await until { place.asked.count == 5 })
        #expect(place.asked == [nil, 7, 5000, nil, 1])
        #expect(place.misses == 1)
        place.house.close()
    }

    @Test @IO func `nothing is kept of an agent that was revoked while it was away`() async throws {
        let house = try await House()
        defer { house.close() }
        let watch = EventWatch(fleet: house.fleet)
        house.fleet.onArrival = { watch.follow($0) }
        func visit(_ name: String) async throws -> Agent {
            let agent = try await house.connect(try await house.joined(name))
            _ = await agent.verdict.wait()
            #expect(await until { house.fleet.agent(named: name)?.connection != nil })
            return agent
        }
        let gone = try await visit("gone")
        gone.close()
        #expect(await until { house.fleet.agent(named: "gone")?.connection == nil })
        house.fleet.revoke(try await house.store.revokeAgent("gone").id)
        let new = try await visit("new")
        #expect(watch.count == 1)
        new.close()
    }

    @Test @IO func `the first answer may have facts that are newer than the hello's`()
        async throws
    {
        let place = try await Place()
        var facts = AgentFacts()
        facts.capabilities = ["zfs"]
        place.answer = { [facts] count, _ in
            count == 1
                ? AgentEvents([AgentEvent(3, .facts(facts))], last: 3, isMissed: true).json : nil
        }
        try await place.connect()
        #expect(await until { place.asked.count == 2 })
        #expect(place.heard == [.facts(facts)] && place.misses == 0 && place.asked == [nil, 3])
        place.house.close()
    }

    @Test @IO func `the call is not counted as one that somebody waits for`() async throws {
        let place = try await Place()
        try await place.connect()
        #expect(await until { place.asked.count == 1 })
        let line = try #require(place.house.fleet.all[0].connection?.line)
        #expect(line.openStreams == 0 && place.agent?.tunnel.openStreams == 0)
        // It does not hold up a drain either.
        line.drain()
        #expect(await until { line.isClosed })
        place.house.close()
    }

    @Test @IO func `an agent that does not know the call is not asked again`() async throws {
        let place = try await Place()
        try await place.connect()
        place.agent?.serve = { _ in Reply.fault(Fault(.unknownMethod, "what?")).encoded() }
        place.agent?.close()
        try await place.connect()
        place.agent?.serve = { _ in Reply.fault(Fault(.unknownMethod, "what?")).encoded() }
        let methods = { place.agent?.methods.count { $0 == "agent.events" } ?? 0 }
        #expect(await until { methods() == 1 })
        try await IO.sleep(for: .milliseconds(50))
        #expect(methods() == 1 && place.log == [])
        place.house.close()
    }

    /// Answers that break the contract.
    private static let wrong: [(what: String, answer: JSON)] = [
        ("no answer", ["ok": true]),
        ("backwards", AgentEvents(last: 3).json),
        ("an old event", ["last": 9, "events": [["number": 7, "kind": "link"]]]),
        (
            "out of order",
            ["last": 9, "events": [["number": 9, "kind": "x"], ["number": 8, "kind": "x"]]]
        ),
        ("beyond its end", ["last": 8, "events": [["number": 9, "kind": "x"]]]),
        ("no object", ["last": 8, "events": [1]]),
        ("no number", ["last": 8, "events": [["kind": "facts"]]]),
        (
            "a long id",
            [
                "last": 8,
                "events": [
                    [
                        "number": 8, "kind": "session", "state": "opened",
                        "id": .string(String(repeating: "x", count: 256)),
                    ]
                ],
            ]
        ),
        ("too long", ["last": 8, "x": .string(String(repeating: "x", count: AgentEvents.bytes))]),
    ]

    @Test(arguments: wrong.indices) @IO
    func `an agent that breaks the contract is not asked again`(row: Int) async throws {
        let place = try await Place()
        let wrong = Self.wrong[row]
        place.answer = { count, _ in
            count == 1 ? AgentEvents(last: 7, isMissed: true).json : wrong.answer
        }
        try await place.connect()
        #expect(await until { !place.log.isEmpty }, "\(wrong.what)")
        try await IO.sleep(for: .milliseconds(20))
        #expect(place.asked.count == 2, "\(wrong.what)")
        #expect(place.log.count == 1, "\(wrong.what): \(place.log)")
        #expect(place.log.first?.contains("is not asked for events until it reconnects") == true)
        #expect(place.heard == [])
        // The agent is served as before.
        #expect(place.house.fleet.all[0].connection != nil)
        place.house.close()
    }

    @Test @IO func `kinds that are not known, and what is another agent's, are left out`()
        async throws
    {
        let place = try await Place()
        let own = place.id
        place.answer = { count, _ in
            switch count {
            case 1: AgentEvents(last: 0, isMissed: true).json
            case 2:
                [
                    "last": 9,
                    "events": [
                        ["number": 1, "kind": "eclipse", "sun": "black"],
                        ["number": 2, "kind": "session", "id": "other.s", "state": "opened"],
                        [
                            "number": 3, "kind": "session", "id": .string("\(own).s"),
                            "state": "paused",
                        ],
                        [
                            "number": 4, "kind": "session", "id": .string("\(own).s"),
                            "state": "closed", "principal": "p",
                        ],
                        ["number": 5, "kind": "facts"],
                    ],
                ]
            default: nil
            }
        }
        try await place.connect()
        #expect(await until { place.asked.count == 3 })
        #expect(place.heard == [.session("\(own).s", .closed, principal: "p")])
        #expect(place.asked.last == 9)
        #expect(place.log.count == 1)
        #expect(place.log.first?.contains("another agent") == true)
        place.house.close()
    }

    @Test @IO func `an agent with much to say is asked at a bounded rate`() async throws {
        let place = try await Place()
        place.answer = { [unowned place] count, after in
            after.map { place.link($0 + 1, "h\($0)") } ?? AgentEvents(last: 0, isMissed: true).json
        }
        try await place.connect()
        #expect(await until { place.asked.count >= EventWatch.burst })
        let start = IO.now
        let before = place.asked.count
        try await IO.sleep(for: .seconds(1))
        let most = EventWatch.perSecond * (Int((IO.now - start) / .seconds(1)) + 1) + 2
        #expect(place.asked.count - before <= most)
        #expect(place.heard == (0..<place.heard.count).map { .link("h\($0)", .opened) })
        place.house.close()
    }

    @Test @IO func `agent_list knows new facts without a reconnection`() async throws {
        let office = try await Office()
        office.router.keepFacts()
        var facts = AgentFacts()
        facts.capabilities = ["zfs"]
        let (event, missed) = (Once<[UInt8]>(), Once<[UInt8]>())
        office.agents["lab-1"]?.serve = { request in
            guard request.method == Wire.Method.events.rawValue else {
                var known = AgentFacts()
                known.capabilities = ["docker"]
                return Reply.result(RawJSON(AgentDescription(facts: known).json)).encoded()
            }
            switch request.arguments["after"]?.intValue {
            case nil:
                return Reply.result(RawJSON(AgentEvents(last: 3, isMissed: true).json)).encoded()
            case 3: return await event.wait()
            case 4: return await missed.wait()
            default: return await Once<[UInt8]>().wait()
            }
        }
        let member = try #require(office.house.fleet.agent(named: "lab-1"))
        office.router.events.follow(member)
        func capabilities() -> [String]? {
            office.house.fleet.agent(named: "lab-1")?.record.facts?.capabilities
        }
        event.set(
            Reply.result(RawJSON(AgentEvents([AgentEvent(4, .facts(facts))], last: 4).json))
                .encoded())
        #expect(await until { capabilities() == ["zfs"] })
        let listed = try await office.call("agent_list", ["capability": "zfs"], as: .local)
        #expect(listed.structured?["agents"]?[0]?["agent"] == "lab-1")
        // Where the event itself was missed, the relay looks.
        missed.set(Reply.result(RawJSON(AgentEvents(last: 99, isMissed: true).json)).encoded())
        #expect(await until { capabilities() == ["docker"] })
        office.house.close()
    }
}
