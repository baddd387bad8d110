// homeline://stats: who may read it, what it shows of whom.
import Crypto
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct ResourceTests {
    @IO private func read(
        _ office: Office, _ principal: homeline_relay.Principal, _ uri: String = "homeline://stats"
    ) async throws -> JSON {
        let caller = CallContext(principal: office.router.introduce(principal))
        let reading = try await FleetResources(Directory(office.router)).all.read(
            ResourceCall(uri: uri, context: caller))
        guard case .text(let text)? = reading.contents.first?.body else { return .null }
        return try JSON(parsing: text)
    }

    @Test @IO func `it tells of every agent's tunnel, pool and links`() async throws {
        let office = try await Office()
        let stats = try await read(office, try office.principal("*"))
        let agents = stats["agents"]?.arrayValue ?? []
        #expect(agents.map { $0["agent"]?.stringValue } == ["lab-1", "lab-2", "vault"])
        for agent in agents {
            let tunnel = try #require(agent["tunnel"])
            #expect(tunnel["since"]?.stringValue?.hasSuffix("Z") == true)
            #expect((tunnel["rtt_ms"]?.doubleValue ?? 0) > 0)
            #expect((tunnel["bytes_in"]?.intValue ?? 0) > 0)
            #expect((tunnel["bytes_out"]?.intValue ?? 0) > 0)
            #expect(tunnel["calls"] == 0)
            #expect(agent["pool"]?.objectValue?.isEmpty == true)
            #expect(agent["links"]?.arrayValue?.count == 2)
            #expect(agent["links"]?[0]?["uses"] == 3)
            #expect(agent["links"]?[0]?["rtt_ms"] == 1.5)
        }
        #expect(stats["unanswered"] == nil)
        office.house.close()
    }

    @Test @IO func `a token reads of its own agents and targets alone`() async throws {
        let office = try await Office()
        let stats = try await read(office, try office.principal("lab-1/db,lab-2"))
        let agents = stats["agents"]?.arrayValue ?? []
        let shown = agents.map { agent in
            (agent["links"]?.arrayValue ?? []).compactMap { $0["target"]?.stringValue }
        }
        #expect(shown == [["lab-1/db"], ["lab-2/db", "lab-2/web"]])
        #expect(!stats.description.contains("vault"))
        #expect(Set(office.calls.map(\.agent)) == ["lab-1", "lab-2"])
        // Nor does the tool show what the resource hides.
        let described = try await office.call(
            "agent_describe", ["agent": "lab-1"], as: try office.principal("lab-1/db"))
        #expect(described.structured?["links"]?.arrayValue?.count == 1)
        office.house.close()
    }

    @Test @IO func `an agent that does not answer is named, the others are told`() async throws {
        let office = try await Office()
        office.agents["lab-2"]?.serve = { _ in
            Reply.fault(Fault(.refusedByPolicy, "no telling here")).encoded()
        }
        let stats = try await read(office, try office.principal("*"))
        #expect(stats["unanswered"] == ["lab-2: no telling here"])
        #expect(stats["agents"]?[1]?["tunnel"] != nil)
        #expect(stats["agents"]?[1]?["links"] == nil)
        #expect(stats["agents"]?[2]?["links"]?.arrayValue?.count == 2)
        office.house.close()
    }

    @Test @IO func `each needs its scope, and what is not there has no other answer`()
        async throws
    {
        let office = try await Office()
        let resources = FleetResources(Directory(office.router)).all
        let blind = office.router.introduce(try office.principal("*", [.forwards]))
        let reader = office.router.introduce(try office.principal("x", [.fleetRead]))
        #expect(await resources.list(blind).isEmpty)
        #expect(
            await resources.list(reader).map(\.uri)
                == ["homeline://agents", "homeline://targets", "homeline://stats"])
        func refusal(_ uri: String, _ caller: MCP.Principal) async -> MCPError? {
            let call = ResourceCall(uri: uri, context: CallContext(principal: caller))
            do throws(Interruption) {
                _ = try await resources.read(call)
                return nil
            } catch {
                if case .failed(let reason) = error { return reason }
                return nil
            }
        }
        for (uri, scope) in [
            ("stats", "fleet:read"), ("agents", "fleet:read"), ("targets", "fleet:read"),
            ("sessions/a/transcript", "sessions:read"), ("sessions/a/screen", "sessions:read"),
            ("commands/a/output", "sessions:read"), ("files/lab-1/db/etc", "files:read"),
            ("hosts/lab-1/db/report", "files:read"), ("hosts/lab-1/db/disks", "files:read"),
        ] {
            #expect(await refusal("homeline://\(uri)", blind) == .insufficientScope(scope))
        }
        for uri in ["homeline://nothing", "homeline://stats/x", "", "file:///etc/passwd"] {
            #expect(await refusal(uri, reader) == .resourceNotFound(uri: uri))
        }
        // An agent, session or command that a token may not see is absent.
        let lab = office.router.introduce(
            try office.principal("lab-1", [.sessionsRead, .filesRead, .fleetRead]))
        let id = office.ids["vault"] ?? ""
        for uri in [
            "sessions/\(id).s/transcript", "sessions/\(id).s/screen", "commands/\(id).c/output",
            "files/vault/db/etc/hosts", "hosts/vault/db/disks", "sessions/none/transcript",
        ] {
            let uri = "homeline://\(uri)"
            #expect(await refusal(uri, lab) == .resourceNotFound(uri: uri))
        }
        #expect(!office.calls.contains { $0.agent == "vault" })
        office.house.close()
    }

    @Test @IO func `the list has a caller's sessions, and no agent holds it up`() async throws {
        let office = try await Office()
        office.reply = { [unowned office] name, request in
            guard request.method == "session.list" else { return nil }
            if name == "lab-2" { _ = await Once<Void>().wait() }
            let id = office.ids[name] ?? ""
            return [
                "sessions": [
                    ["session_id": .string("\(id).9"), "target": .string("\(name)/db")],
                    [
                        "session_id": .string("\(id).10"), "target": .string("\(name)/web"),
                        "name": "deploy",
                    ],
                    // Another agent's: it is dropped.
                    ["session_id": "other.1", "target": "other/db"],
                ]
            ]
        }
        let resources = FleetResources(Directory(office.router)).all
        let caller = office.router.introduce(try office.principal("lab-*", [.sessionsRead]))
        let start = IO.now
        let listed = await resources.list(caller)
        #expect(IO.now - start < .seconds(5))
        let id = office.ids["lab-1"] ?? ""
        #expect(
            listed.map(\.uri) == [
                "homeline://sessions/\(id).10/transcript", "homeline://sessions/\(id).9/transcript",
            ])
        #expect(listed.first?.name == "deploy")
        #expect(listed.first?.annotations?.priority == 0.5)
        office.house.close()
    }

    @Test @IO func `an agent's answers about others, or without content, give nothing`()
        async throws
    {
        let office = try await Office()
        let resources = FleetResources(Directory(office.router)).all
        let caller = CallContext(
            principal: office.router.introduce(
                try office.principal("*", [.filesRead, .sessionsRead])))
        office.reply = { _, request in
            switch request.method {
            case "file.read": ["content": "not base64", "end": true]
            case "session.read": ["session_id": "other.1", "output": "a secret of another site"]
            case "host.read": ["target": "vault/db", "rows": []]
            default: nil
            }
        }
        let id = office.ids["lab-1"] ?? ""
        for uri in [
            "files/lab-1/db/etc/x", "sessions/\(id).1/transcript?offset=0",
            "sessions/\(id).1/screen", "hosts/lab-1/db/disks",
        ] {
            await #expect(throws: Interruption.self) {
                let call = ResourceCall(uri: "homeline://\(uri)", context: caller)
                let read = try await resources.read(call)
                Issue.record("\(uri): \(read)")
            }
        }
        office.house.close()
    }

    @Test @IO func `a file is text or bytes, and one that is cut says so`() async throws {
        let office = try await Office()
        let served = Box((content: [UInt8](), isEnd: true))
        office.reply = { _, request in
            guard request.method == "file.read" else { return nil }
            let (content, isEnd) = served.withLock { $0 }
            return [
                "path": "/etc/x", "size": 1000, "next_offset": JSON(content.count),
                "end": .bool(isEnd), "content": .string(Base64.encode(content)),
            ]
        }
        let resources = FleetResources(Directory(office.router)).all
        let caller = CallContext(
            principal: office.router.introduce(try office.principal("*", [.filesRead])))
        func read() async throws -> [ResourceContents] {
            let call = ResourceCall(uri: "homeline://files/lab-1/db/etc/x", context: caller)
            return try await resources.read(call).contents
        }
        func shown(_ contents: [ResourceContents]) -> [String] {
            contents.map {
                switch $0.body {
                case .text(let text): "text \(text)"
                case .base64(let text): "\($0.mimeType ?? "") \(text)"
                }
            }
        }
        served.withLock { $0.content = Array("é\n".utf8) }
        #expect(shown(try await read()) == ["text é\n"])
        #expect(try await read().first?.meta["dev.homeline/size"] == 1000)
        served.withLock { $0.content = [0x41, 0xff] }
        #expect(shown(try await read()) == ["application/octet-stream Qf8="])
        served.withLock { $0.content = [0x41, 0] }
        #expect(shown(try await read()) == ["application/octet-stream QQA="])
        served.withLock { $0.content = [0x89, 0x50, 0x4e, 0x47, 0] }
        #expect(shown(try await read()).first?.hasPrefix("image/png ") == true)
        // Cut within a character: it is text still.
        served.withLock { $0.content = Array("aé".utf8.dropLast()) }
        served.withLock { $0.isEnd = false }
        let cut = shown(try await read())
        #expect(cut.first == "text a" && cut.last?.contains("first 2 of 1000 bytes") == true)
        office.house.close()
    }

    @Test @IO func `the end of a transcript says where it begins, whatever the agent counts`()
        async throws
    {
        let office = try await Office()
        let id = office.ids["lab-1"] ?? ""
        let end = Box<Int64>(100)
        office.reply = { _, request in
            switch request.method {
            case "session.list":
                return [
                    "sessions": [
                        [
                            "session_id": .string("\(id).1"), "target": "lab-1/db",
                            "next_offset": .int(end.withLock { $0 }),
                        ]
                    ]
                ]
            case "session.read":
                return ["session_id": .string("\(id).1"), "output": "tail\nwhole\n"]
            default: return nil
            }
        }
        let resources = FleetResources(Directory(office.router)).all
        let caller = CallContext(
            principal: office.router.introduce(try office.principal("*", [.sessionsRead])))
        func part() async throws -> ResourceContents? {
            let uri = "homeline://sessions/\(id).1/transcript?limit=11"
            return try await resources.read(ResourceCall(uri: uri, context: caller)).contents.first
        }
        let cut = try await part()
        #expect(cut?.meta["dev.homeline/offset"] == 94)
        if case .text(let text)? = cut?.body { #expect(text == "whole\n") }
        for number in [Int64.min, -1] {
            end.withLock { $0 = number }
            #expect(try await part()?.meta["dev.homeline/offset"] == 0)
        }
        end.withLock { $0 = .max }
        #expect(try await part() != nil)
        office.house.close()
    }

    @Test @IO func `a finished command's output may be kept, a running one's may not`()
        async throws
    {
        let office = try await Office()
        let resources = FleetResources(Directory(office.router)).all
        let caller = CallContext(
            principal: office.router.introduce(try office.principal("*", [.sessionsRead])))
        let id = office.ids["lab-1"] ?? ""
        let state = Box("running")
        office.reply = { _, request in
            guard request.method == "command.output" else { return nil }
            #expect(request.arguments["wait_s"] == 0)
            return [
                "command_id": .string("\(id).c"), "state": .string(state.withLock { $0 }),
                "stdout": "out",
                "stderr": "err",
            ]
        }
        let uri = "homeline://commands/\(id).c/output"
        let call = ResourceCall(uri: uri, context: caller)
        #expect(try await resources.read(call).lifetime == .zero)
        state.withLock { $0 = "done" }
        let done = try await resources.read(call)
        #expect(done.lifetime == .seconds(3600))
        #expect(done.contents.map(\.uri) == [uri, uri + "#stderr"])
        office.house.close()
    }
}
