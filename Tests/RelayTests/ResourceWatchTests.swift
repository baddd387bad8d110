// What clients that watch resources are told, and what watching costs the agents.
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct ResourceWatchTests {
    /// An office with a watch over it; each agent has a session `.1`, and `.2` belongs to nobody.
    @IO private final class Place {
        let office: Office
        let watch: ResourceWatch
        var told: [String] = []
        var end = 10
        var state = "running"

        init() async throws {
            office = try await Office()
            watch = ResourceWatch(office.router)
            watch.onChange = { [unowned self] in told.append($0) }
            office.reply = { [unowned self] name, request in
                let id = self.office.ids[name] ?? ""
                switch request.method {
                case "session.list":
                    return [
                        "sessions": [
                            [
                                "session_id": .string("\(id).1"), "target": .string("\(name)/db"),
                                "next_offset": JSON(self.end), "state": "done",
                            ]
                        ]
                    ]
                case "command.output":
                    return [
                        "command_id": .string("\(id).c"), "state": .string(self.state),
                        "stdout_next_offset": JSON(self.end),
                    ]
                default: return nil
                }
            }
        }

        var id: String { office.ids["lab-1"] ?? "" }

        func hold(_ uri: String, _ pattern: String = "*") async throws(Fault) -> any Sendable {
            guard let principal = try? office.principal(pattern, [.sessionsRead, .fleetRead]) else {
                throw Fault(.internal, "no principal")
            }
            _ = office.router.introduce(principal)
            guard let parsed = ResourceURI(uri) else { throw Fault(.invalidArgument, uri) }
            return try await watch.admit(uri, parsed, for: principal)
        }

        func count(_ method: String) -> Int {
            office.calls.count { $0.request.method == method }
        }
    }

    @Test @IO func `output that grows is told while somebody watches`() async throws {
        let place = try await Place()
        let (transcript, screen) = (
            "homeline://sessions/\(place.id).1/transcript?limit=9",
            "homeline://sessions/\(place.id).1/screen"
        )
        var held: [any Sendable] = [
            try await place.hold(transcript), try await place.hold(screen),
        ]
        #expect(place.watch.count == 2 && place.told.isEmpty)
        place.end = 20
        #expect(await until { Set(place.told) == [transcript, screen] })
        // Two watches at one agent are one question.
        let before = place.count("session.list")
        #expect(await until { place.count("session.list") > before })
        #expect(place.told.count == 2, "\(place.told)")
        held = []
        #expect(await until { place.watch.count == 0 })
        withExtendedLifetime(held) {}
        let asked = place.count("session.list")
        try await IO.sleep(for: ResourceWatch.period * 2)
        #expect(place.count("session.list") == asked)
        place.office.house.close()
    }

    @Test @IO func `a command is looked at until it is over`() async throws {
        let place = try await Place()
        let uri = "homeline://commands/\(place.id).c/output"
        let held = try await place.hold(uri)
        (place.state, place.end) = ("done", 30)
        #expect(await until { place.told == [uri] })
        let asked = place.count("command.output")
        try await IO.sleep(for: ResourceWatch.period * 2)
        #expect(place.count("command.output") == asked)
        withExtendedLifetime(held) {}
        place.office.house.close()
    }

    @Test @IO func `what a principal may not read it cannot watch`() async throws {
        let place = try await Place()
        let vault = place.office.ids["vault"] ?? ""
        for uri in [
            "homeline://sessions/\(vault).1/transcript", "homeline://sessions/\(place.id).2/screen",
            "homeline://sessions/none/transcript", "homeline://commands/\(vault).c/output",
            "homeline://stats", "homeline://files/lab-1/db/etc", "homeline://hosts/lab-1/db/disks",
        ] {
            await #expect(throws: Fault.self) { _ = try await place.hold(uri, "lab-1") }
        }
        #expect(place.watch.count == 0)
        #expect(!place.office.calls.contains { $0.agent == "vault" })
        place.office.house.close()
    }

    @Test @IO func `one principal has a share, which comes back`() async throws {
        let place = try await Place()
        let uri = "homeline://sessions/\(place.id).1/screen"
        var held: [any Sendable] = []
        for _ in 0..<ResourceWatch.share { held.append(try await place.hold(uri)) }
        await #expect(throws: Fault.self) { _ = try await place.hold(uri) }
        held.append(try await place.hold(uri, "lab-*"))
        held = []
        #expect(await until { place.watch.count == 0 })
        _ = try await place.hold(uri)
        withExtendedLifetime(held) {}
        place.office.house.close()
    }

    @Test func `who may not watch is told whose limit is reached`() {
        let (all, own) = (
            ResourceWatch.fault(.places(limit: 512)),
            ResourceWatch.fault(.share(own: 64, limit: 512))
        )
        #expect(all.code == .limitReached && all.message.contains("all clients together watch 512"))
        #expect(own.code == .limitReached && own.message.contains("this token watches 64"))
    }

    @Test @IO func `agents that come and go are told of`() async throws {
        let place = try await Place()
        place.told = []
        place.office.agents["lab-2"]?.close()
        #expect(await until { place.told.contains("homeline://agents") })
        place.office.house.close()
    }

    @Test @IO func `an agent is asked for events of what is watched, and for no others`()
        async throws
    {
        let office = try await Office()
        let router = office.router
        router.keepFacts()
        var asked: [[String]] = []
        var heard: [AgentEvent.Matter] = []
        router.onEvent = { heard.append($1) }
        let id = try #require(office.ids["lab-1"])
        office.reply = { name, request in
            guard request.method == "agent.events", name == "lab-1" else { return nil }
            let kinds = request.arguments["kinds"]?.arrayValue?.compactMap(\.stringValue) ?? []
            asked.append(kinds)
            guard let after = request.arguments["after"]?.intValue else {
                return AgentEvents(last: 1, isMissed: true).json
            }
            guard kinds.contains("command"), after == 1 else {
                _ = await Once<Void>().wait()
                return nil
            }
            return AgentEvents(
                [AgentEvent(2, .command("\(id).c", .done, principal: "p"))], last: 2
            ).json
        }
        router.events.follow(try #require(router.fleet.member(id)))
        #expect(await until { asked == [["facts"], ["facts"]] })
        router.events.listen(for: [.command], at: id)
        #expect(await until { heard == [.command("\(id).c", .done, principal: "p")] })
        #expect(await until { asked.last == ["command", "facts"] && asked.count == 4 })
        router.events.listen(for: [], at: id)
        #expect(await until { asked.last == ["facts"] && asked.count == 5 }, "\(asked)")
        // Who listens and goes at once leaves no agent unheard.
        router.events.listen(for: [.session], at: id)
        router.events.listen(for: [], at: id)
        #expect(await until { asked.last == ["facts"] && asked.count == 6 }, "\(asked)")
        router.events.listen(for: [.session], at: id)
        #expect(await until { asked.last == ["facts", "session"] }, "\(asked)")
        office.house.close()
    }
}
