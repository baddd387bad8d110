// Clients on standard input and output: they share one relay, whoever runs it, and outlive it.
import Foundation
import JSON
import Support
import Testing

@Suite struct StdioClientsTests {
    /// A legacy client, whose handshake a new relay does not know.
    private final class Client: Sendable {
        let process: RunningProcess
        private let ids = Box(0)

        init(_ folder: String) throws {
            process = try RunningProcess(
                Repository.program("homeline-relay"),
                [
                    "stdio", "--data", folder, "--mcp", "127.0.0.1:0", "--tunnel", "127.0.0.1:0",
                ])
        }

        /// One of `homeline-relay local`.
        init(local folder: String, home: String, _ flags: String...) throws {
            process = try RunningProcess(
                Repository.program("homeline-relay"), ["local", "--data", folder] + flags,
                environment: ["HOME": home])
        }

        func call(_ tool: String, _ arguments: JSON) async throws -> JSON? {
            try await ask("tools/call", ["name": .string(tool), "arguments": arguments])?[
                "structuredContent"]
        }

        func send(_ method: String, _ params: JSON = [:]) -> String {
            let id = ids.withLock { number -> String in
                number += 1
                return "call-\(number)"
            }
            let message: JSON = [
                "jsonrpc": "2.0", "id": .string(id), "method": .string(method), "params": params,
            ]
            process.send(message.description + "\n")
            return id
        }

        func answer(_ id: String) async throws -> JSON {
            try JSON(parsing: try await process.line(containing: "\"\(id)\""))
        }

        func ask(_ method: String, _ params: JSON = [:]) async throws -> JSON? {
            try await answer(send(method, params))["result"]
        }

        func start() async throws {
            let agreed = try await ask(
                "initialize", ["protocolVersion": "2025-11-25", "capabilities": [:]])
            #expect(agreed?["protocolVersion"] == "2025-11-25")
            process.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")
        }

        func works() async throws -> Bool {
            let list = try await ask("tools/call", ["name": "agent_list", "arguments": [:]])
            return list?["structuredContent"]?["agents"] != nil
        }

        /// Each reply once, and nothing that was not asked for.
        var repliesOnce: Bool {
            let lines = process.output.split(separator: "\n")
            let all = lines.compactMap { try? JSON(parsing: String($0)) }
            let found = all.compactMap { $0["id"]?.stringValue }
            return all.count == lines.count && Set(found).count == found.count
                && found.count == lines.count
        }
    }

    @Test func `clients that start together share a relay, and outlive each other`() async throws {
        let folder = try TemporaryDirectory("stdio")
        let clients = try (0..<3).map { _ in try Client(folder.file("relay")) }
        for client in clients { try await client.start() }
        for client in clients { #expect(try await client.works()) }
        // One of them runs the relay; whichever it is, those that are left go on.
        for (at, client) in clients.enumerated().dropLast() {
            if at == 0 {
                client.process.signal(SIGKILL)
                _ = try await client.process.finished()
            } else {
                #expect(await client.process.stop() == .exited(0))
            }
            for other in clients.dropFirst(at + 1) { #expect(try await other.works()) }
        }
        for client in clients { #expect(client.repliesOnce, "\(client.process.output)") }
        #expect(await clients[2].process.stop() == .exited(0))
    }

    @Test func `this machine is worked on without a port, a token or an invitation`() async throws {
        let folder = try TemporaryDirectory("local")
        let data = folder.file("a ü%")
        let first = try Client(local: data, home: folder.path)
        try await first.start()
        let agents = try await first.call("agent_list", [:])?["agents"]?.arrayValue
        let name = try #require(agents?.first?["agent"]?.stringValue)
        #expect(agents?.count == 1 && agents?.first?["online"] == true)
        let opened = try await first.call("ssh_session_open", ["target": .string("\(name)/local")])
        let session = try #require(opened?["session_id"])
        _ = try await first.call("ssh_session_command", ["session_id": session, "command": "a=b"])
        let agent = try #require(Running.processes(with: [data, "run"]).first)
        for process in [first.process.id, agent] {
            #expect(Running.listeningPorts(of: process) == [], "\(process) listens")
        }

        // Another client uses the same relay, and takes it over with its sessions.
        let second = try Client(local: data, home: folder.path)
        try await second.start()
        first.process.signal(SIGKILL)
        _ = try await first.process.finished()
        #expect(
            try await holds {
                let result = try await second.call(
                    "ssh_session_command", ["session_id": session, "command": "echo $a"])
                return result?["output"] == "b\n"
            })
        #expect(Running.processes(with: [data, "run"]) == [agent])
        #expect(await second.process.stop() == .exited(0))

        // It joined once: the next start finds the same agent.
        let third = try Client(local: data, home: folder.path)
        try await third.start()
        let again = try await third.call("agent_list", [:])?["agents"]?.arrayValue
        #expect(again?.map { $0["id"] } == agents?.map { $0["id"] })
        // Ids are short, and an agent that was started again gives none a second time.
        let other = try await third.call("ssh_session_open", ["target": .string("\(name)/local")])
        let ids = [session, other?["session_id"] ?? .null].compactMap(\.stringValue)
        #expect(Set(ids).count == 2 && ids.allSatisfy { $0.utf8.count <= 12 }, "\(ids)")
        #expect(await third.process.stop() == .exited(0))
        #expect(await holds { Running.processes(with: [data]).isEmpty })
    }

    @Test func `few tools are shown to who asks for few, and suffice for everyday work`()
        async throws
    {
        let folder = try TemporaryDirectory("core")
        let client = try Client(
            local: folder.file("data"), home: folder.path, "--tools", "core")
        try await client.start()
        let listed = try await client.ask("tools/list")?["tools"]?.arrayValue ?? []
        let names = listed.compactMap { $0["name"]?.stringValue }
        #expect(names.count == 8 && !names.contains("agent_list"), "\(names)")
        let targets = try await client.call("target_list", [:])?["targets"]?.arrayValue
        let target = try #require(targets?.first?["target"])
        _ = try await client.call("ssh_session_open", ["target": target, "name": "work"])
        let path = JSON.string(folder.file("notes"))
        _ = try await client.call(
            "file_write", ["session_id": "work", "path": path, "content": "it's \"one\"\n"])
        _ = try await client.call(
            "file_edit",
            ["session_id": "work", "path": path, "edits": [["old": "one", "new": "two"]]])
        let slow = try await client.ask(
            "tools/call",
            [
                "name": "ssh_session_command",
                "arguments": [
                    "session_id": "work", "wait_s": 0.1,
                    "command": .string("sleep 1; cat \(folder.file("notes"))"),
                ],
            ])
        // The text names the next call, which the client has.
        let text = slow?["content"]?[0]?["text"]?.stringValue ?? ""
        #expect(text.contains("next: ssh_command_output {"), "\(text)")
        let id = try #require(slow?["structuredContent"]?["command_id"])
        let done = try await client.call(
            "ssh_command_output", ["command_id": id, "wait_for": "end", "wait_s": 30])
        #expect(done?["stdout"] == "it's \"two\"\n" && done?["exit_code"] == 0, "\(text)")
        #expect(await client.process.stop() == .exited(0))
    }

    @Test func `a client outlives the relay's restart, and makes way for it`() async throws {
        let home = try await Installation.start()
        try await home.join("site")
        try await home.startAgent("site", caller: try await home.caller())
        let client = try Client(home.data("relay"))
        try await client.start()
        #expect(try await client.works())
        let call: JSON = [
            "name": "ssh_execute",
            "arguments": ["target": "site/local", "command": "sleep 30", "wait_s": 30],
        ]
        let waiting = client.send("tools/call", call)
        #expect(
            await holds {
                let list = try? await home.caller().structured("ssh_command_list")
                return list?["commands"]?.arrayValue?.count == 1
            })
        let killed = try #require(home.process("relay"))
        killed.signal(SIGKILL)
        _ = try await killed.finished()
        let lost = try await client.answer(waiting)
        let sentence = lost["error"]?["message"]?.stringValue ?? ""
        #expect(sentence.contains("keeps running"), "\(lost)")
        try await home.startRelay()
        #expect(try await client.works())
        // A relay that does not come back is replaced; one that comes later takes over.
        #expect(await home.process("relay")?.stop() == .exited(0))
        #expect(try await client.works())
        #expect(try await home.relay("status", "--json")["running"] == true)
        try await home.startRelay()
        _ = try await home.process("relay")?.line(containing: "MCP clients:")
        #expect(try await client.works())
        #expect(client.repliesOnce, "\(client.process.output)")
        #expect(client.process.errors.contains("has ended: looking for it"))
        await home.stop()
        #expect(await client.process.stop() == .exited(0))
    }

    @Test func `an end that the client did not ask for says why, and fails`() async throws {
        let home = try await Installation.start()
        let client = try Client(home.data("relay"))
        try await client.start()
        try home.directory.write("Nonsense yes\n", to: "relay/relay.conf")
        await home.stop()
        #expect(try await client.process.finished() == .exited(78))
        #expect(client.process.errors.contains("unknown keyword 'Nonsense'"))
        // A relay that runs as a service does not make way for another one.
        let other = try await Installation.start()
        let second = try RunningProcess(
            Repository.program("homeline-relay"),
            [
                "serve", "--data", other.data("relay"), "--mcp", "127.0.0.1:0", "--tunnel",
                "127.0.0.1:0",
            ])
        #expect(try await second.finished() == .exited(69))
        #expect(second.errors.contains("a relay already runs on"))
        await other.stop()
    }
}

/// What runs on this machine.
private enum Running {
    /// The processes whose arguments hold all of these texts.
    static func processes(with texts: [String]) -> [Int32] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { Int32($0) }.filter { id in
            guard let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") else {
                return false
            }
            let words = String(decoding: line, as: UTF8.self).split(separator: "\0")
            return texts.allSatisfy { text in words.contains { $0.hasPrefix(text) } }
        }
    }

    /// The TCP ports on which a process listens.
    static func listeningPorts(of id: Int32) -> [String] {
        let folder = "/proc/\(id)/fd"
        let sockets = Set(
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
            })
        return ["tcp", "tcp6"].flatMap { table in
            let text = (try? String(contentsOfFile: "/proc/net/\(table)", encoding: .utf8)) ?? ""
            return text.split(separator: "\n").dropFirst().compactMap { line -> String? in
                let columns = line.split(separator: " ")
                let isOwn = columns.count > 9 && sockets.contains("socket:[\(columns[9])]")
                return isOwn && columns[3] == "0A" ? String(columns[1]) : nil
            }
        }
    }
}
