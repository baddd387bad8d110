// What a waiting client hears when the relay stops, its session is deleted, or its token is
// revoked. A command goes on, unless its token was revoked.
import Foundation
import JSON
import Support
import Testing

@Suite(.timeLimit(.minutes(3))) struct EndedCallTests {
    /// A client of the legacy era over HTTP, one connection per request.
    private struct Legacy: Sendable {
        let port: UInt16
        let token: String
        var session = ""

        init(_ home: Installation, token: String) async throws {
            port = try #require(URL(string: home.url)?.port.flatMap(UInt16.init(exactly:)))
            self.token = token
            let answer = try await post(
                #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"#
                    + #""2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#)
            session = answer.headers["mcp-session-id"] ?? ""
        }

        func send(_ method: String, _ body: String = "") async throws -> HTTPAnswer {
            var head = "\(method) /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            head += "Authorization: Bearer \(token)\r\nContent-Type: application/json\r\n"
            head += "Accept: application/json, text/event-stream\r\n"
            if !session.isEmpty { head += "Mcp-Session-Id: \(session)\r\n" }
            if method == "POST" { head += "Content-Length: \(body.utf8.count)\r\n" }
            return try await HTTPAnswer.exchange(
                Array((head + "\r\n" + body).utf8), port: port, within: .seconds(60))
        }

        func post(_ body: String) async throws -> HTTPAnswer { try await send("POST", body) }

        func run(_ command: String, places: JSON.Object = ["target": "site/local"]) async throws
            -> HTTPAnswer
        {
            var arguments = places
            arguments["command"] = .string(command)
            arguments["wait_s"] = 40
            let request: JSON = [
                "jsonrpc": "2.0", "id": "w", "method": "tools/call",
                "params": [
                    "name": "ssh_execute", "arguments": .object(arguments),
                ],
            ]
            return try await post(request.description)
        }
    }

    private func place() async throws -> (home: Installation, caller: MCPCaller) {
        let home = try await Installation.start()
        try await home.join("site")
        let caller = try await home.caller()
        try await home.startAgent("site", caller: caller)
        return (home, caller)
    }

    /// A command that says when it runs and, once `go` is there, that it is through.
    private func command(_ folder: TemporaryDirectory, _ name: String) -> String {
        let path = folder.file(name)
        return "touch \(path).runs; while [ ! -e \(path).go ]; do sleep 0.1; done; "
            + "touch \(path).done; echo the-output"
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test func `revoking a token ends its streams, its waiting calls and its commands`()
        async throws
    {
        let (home, admin) = try await place()
        let folder = home.directory
        let token = try await home.token("mine", scopes: "sessions:exec,sessions:read")
        let legacy = try await Legacy(home, token: token)
        let modern = try MCPCaller(url: home.url, token: token)
        let stream = Task { try await legacy.send("GET") }
        let waiting = Task { try await legacy.run(command(folder, "a")) }
        let newer = Task {
            try await modern.request(
                "tools/call",
                [
                    "name": "ssh_execute",
                    "arguments": [
                        "target": "site/local", "command": .string(command(folder, "b")),
                        "wait_s": 40,
                    ],
                ], name: "ssh_execute")
        }
        #expect(await holds { exists(folder.file("a.runs")) && exists(folder.file("b.runs")) })
        let start = ContinuousClock.now
        let revoked = try await home.relay("tokens", "revoke", "mine", "--json")
        #expect(revoked["commands"] == 2 && revoked["sessions"] == 0 && revoked["pending"] == [])
        let (old, new) = (try await waiting.value, try await newer.value)
        _ = try? await stream.value
        print("revoked to ended: \(ContinuousClock.now - start)")
        #expect(ContinuousClock.now - start < .seconds(5))
        for answer in [try #require(old.messages.last), new] {
            #expect(answer["error"]?["code"] == 401)
            let message = answer["error"]?["message"]?.stringValue ?? ""
            #expect(message.contains("revoked"), "\(message)")
        }
        #expect(old.messages.last?["id"] == "w")
        #expect(try await legacy.send("GET").status == 401)
        #expect(
            await holds {
                let list = try? await admin.structured("ssh_command_list")
                let states = list?["commands"]?.arrayValue?.compactMap { $0["state"]?.stringValue }
                return states == ["cancelled", "cancelled"]
            })
        for name in ["a", "b"] { #expect(!exists(folder.file("\(name).done"))) }
        await home.stop()
    }

    @Test func `a relay that stops, and a DELETE, answer the calls that wait`() async throws {
        let (home, _) = try await place()
        let folder = home.directory
        let token = try await home.token("mine")
        let deleting = try await Legacy(home, token: token)
        // The call is made once for each target.
        let deleted = Task {
            try await deleting.run(command(folder, "a"), places: ["targets": ["site/local"]])
        }
        #expect(await holds { exists(folder.file("a.runs")) })
        let start = ContinuousClock.now
        #expect(try await deleting.send("DELETE").status == 204)
        let first = try await deleted.value
        #expect(ContinuousClock.now - start < .seconds(20))  // the call waits for 40
        #expect(first.messages.last?["id"] == "w")
        #expect(first.messages.last?["error"]?["code"] == 503)

        let legacy = try await Legacy(home, token: token)
        let waiting = Task { try await legacy.run(command(folder, "b")) }
        let lines = try RunningProcess(
            Repository.program("homeline-relay"), ["stdio", "--data", home.data("relay")])
        let call: JSON = [
            "jsonrpc": "2.0", "id": "line", "method": "tools/call",
            "params": [
                "name": "ssh_execute",
                "arguments": [
                    "target": "site/local", "command": .string(command(folder, "c")),
                    "wait_s": 40,
                ],
                "_meta": [
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": [:],
                ],
            ],
        ]
        lines.send(call.description + "\n")
        #expect(await holds { exists(folder.file("b.runs")) && exists(folder.file("c.runs")) })
        let relay = try #require(home.process("relay"))
        #expect(await relay.stop(within: .seconds(8)) == .exited(0))
        let second = try #require(try await waiting.value.messages.last)
        #expect(second["id"] == "w")
        #expect(Self.state(in: second) == "running", "\(second)")
        let line = try JSON(parsing: try await lines.line(containing: "\"line\""))
        #expect(line["id"] == "line")
        #expect(Self.state(in: line) == "running", "\(line)")
        try folder.write("", to: "b.go")
        #expect(await holds { exists(folder.file("b.done")) })
        for name in ["a", "c"] { try folder.write("", to: "\(name).go") }
        await home.stop()
    }

    /// The state of the only command in an answer.
    private static func state(in answer: JSON) -> String? {
        answer["result"]?["structuredContent"]?["results"]?[0]?["state"]?.stringValue
    }
}
