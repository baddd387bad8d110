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
