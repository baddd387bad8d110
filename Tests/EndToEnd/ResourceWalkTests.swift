// Every resource over real HTTP with a real agent: what it holds, who may read it, who is told of
// its changes; completion and prompts beside them.
import Foundation
import JSON
import Support
import Testing

@Suite struct ResourceWalkTests {
    /// A relay with a folder of prompts, its agent `site`, and two tokens that are nobody's admin.
    private struct Walk {
        let home: Installation
        let mine: MCPCaller
        let other: MCPCaller
        let prompts: String

        /// A client on stdio that has sent `initialize`, with the id "i".
        func initialize() throws -> RunningProcess {
            let client = try RunningProcess(
                Repository.program("homeline-relay"), ["stdio", "--data", home.data("relay")])
            let message: JSON = [
                "jsonrpc": "2.0", "id": "i", "method": "initialize",
                "params": ["protocolVersion": "2025-11-25", "capabilities": [:]],
            ]
            client.send(message.description + "\n")
            return client
        }

        static func start() async throws -> Walk {
            let home = try await Installation.start()
            let prompts = try home.directory.folder("prompts")
            _ = await home.process("relay")?.stop()
            try await home.startRelay(["--prompts", prompts])
            try await home.join("site")
            let admin = try await home.caller()
            try await home.startAgent("site", caller: admin)
            let scopes = "fleet:read,sessions:read,sessions:exec,files:read,files:write"
            return Walk(
                home: home,
                mine: try MCPCaller(
                    url: home.url, token: try await home.token("mine", scopes: scopes)),
                other: try MCPCaller(
                    url: home.url, token: try await home.token("other", scopes: scopes)),
                prompts: prompts)
        }

        /// The parts of a resource, and the whole result.
        func read(_ uri: String, as caller: MCPCaller? = nil) async throws -> JSON {
            let answer = try await (caller ?? mine).request(
                "resources/read", ["uri": .string(uri)], name: uri)
            guard let result = answer["result"] else { throw Unavailable("\(uri): \(answer)") }
            return result
        }

        func text(_ uri: String) async throws -> String {
            let parts = try await read(uri)["contents"]?.arrayValue ?? []
            return parts.compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
        }

        /// Checks that a URI names nothing for a caller.
        func misses(_ uri: String, _ caller: MCPCaller) async throws {
            let answer = try await caller.request(
                "resources/read", ["uri": .string(uri)], name: uri)
            #expect(answer["error"]?["code"] == -32602, "\(uri): \(answer)")
            #expect(answer["error"]?["data"]?["uri"] == .string(uri), "\(uri): \(answer)")
        }

        func complete(
            _ ref: JSON, _ name: String, _ value: String, _ settled: JSON.Object = [:]
        ) async throws -> JSON? {
            try await mine.request(
                "completion/complete",
                [
                    "ref": ref, "argument": ["name": .string(name), "value": .string(value)],
                    "context": ["arguments": .object(settled)],
                ])["result"]?["completion"]
        }
    }

    @Test func `every resource is read, by whoever may`() async throws {
        let walk = try await Walk.start()
        let listed = try await walk.mine.request("resources/list")["result"]?["resources"]
        #expect(
            listed?.arrayValue?.map { $0["uri"] } == [
                "homeline://agents", "homeline://targets", "homeline://stats",
            ])
        #expect(listed?[0]?["annotations"]?["audience"] == ["user", "assistant"])
        let templates = try await walk.mine.request("resources/templates/list")["result"]
        #expect(templates?["resourceTemplates"]?.arrayValue?.count == 5)
        let agents = try JSON(parsing: try await walk.text("homeline://agents"))
        #expect(agents["agents"]?[0]?["agent"] == "site")
        let targets = try JSON(parsing: try await walk.text("homeline://targets"))
        #expect(targets["targets"]?[0]?["target"] == "site/local")

        try await sessions(walk)
        try await commands(walk)
        try await files(walk)

        #expect(try await walk.text("homeline://hosts/site/local/report").contains("memory"))
        let disks = try JSON(parsing: try await walk.text("homeline://hosts/site/local/disks"))
        #expect(disks["what"] == "disks" && disks["rows"]?.arrayValue?.isEmpty == false)
        for uri in [
            "homeline://hosts/site/local/nonesuch", "homeline://hosts/none/local/disks",
            "homeline://sessions/none/screen", "homeline://commands/a.b/output", "homeline://x",
            "homeline://files/site/local/etc/../passwd", "homeline://files/site/local/%2e%2e/x",
            "homeline://files/site/%2e%2e/etc/passwd", "homeline://files/site/local/a%00b",
            "homeline://files/../local/etc/passwd", "homeline://files/site/local/none/nowhere",
        ] {
            try await walk.misses(uri, walk.mine)
        }
        await walk.home.stop()
    }

    private func sessions(_ walk: Walk) async throws {
        let opened = try await walk.mine.structured(
            "ssh_session_open", ["target": "site/local", "name": "walk"])
        let id = try #require(opened["session_id"]?.stringValue)
        let uri = "homeline://sessions/\(id)/transcript"
        let session = OpenSession(id: id, caller: walk.mine, opened: opened)
        try await session.run("echo first-word")
        #expect(try await walk.text(uri).contains("first-word"))
        let listed = try await walk.mine.request("resources/list")["result"]?["resources"]
        #expect(listed?.arrayValue?.last?["uri"] == .string(uri))
        #expect(listed?.arrayValue?.last?["name"] == "walk")
        let read = try await walk.read("\(uri)?offset=0&limit=100000")["contents"]?[0]
        let next = try #require(read?["_meta"]?["dev.homeline/next_offset"]?.intValue)
        #expect(read?["_meta"]?["dev.homeline/offset"] == 0)
        // Whoever reads the resource does not move the one that drives the session.
        try await session.run("sleep 0.3; echo second-word", wait: 0)
        #expect(
            await holds {
                let news = try? await walk.text("\(uri)?offset=\(next)")
                return news.map { "\n\($0)".contains("\nsecond-word") } == true
            })
        _ = try await walk.read("homeline://sessions/\(id)/screen")
        let late = try await session.read(wait: 5, maximum: 20_000)
        #expect(late.output.contains("second-word"), "\(late)")
        #expect(try await walk.text("homeline://sessions/\(id)/screen").contains("second-word"))
        let caching = try await walk.read(uri)
        #expect(caching["ttlMs"] == 0 && caching["cacheScope"] == "private")
        for part in ["transcript", "screen"] {
            try await walk.misses("homeline://sessions/\(id)/\(part)", walk.other)
        }
        let found = try await walk.complete(
            ["type": "ref/resource", "uri": "homeline://sessions/{id}/screen"], "id", "wal")
        #expect(found?["values"] == [.string(id)])
        try await session.close()
        try await walk.misses(uri, walk.mine)
    }

    private func commands(_ walk: Walk) async throws {
        let run = try await walk.mine.structured(
            "ssh_execute",
            ["target": "site/local", "command": "echo out; echo err >&2; exit 3"])
        let id = try #require(run["results"]?[0]?["command_id"]?.stringValue)
        let uri = "homeline://commands/\(id)/output"
        let read = try await walk.read(uri)
        #expect(read["contents"]?[0]?["text"] == "out\n")
        #expect(read["contents"]?[0]?["_meta"]?["dev.homeline/exit_code"] == 3)
        #expect(read["contents"]?[1]?["text"] == "err\n")
        #expect(read["ttlMs"] == 3_600_000 && read["cacheScope"] == "private")
        try await walk.misses(uri, walk.other)
    }

    private func files(_ walk: Walk) async throws {
        let name = "a b ü?#%41.txt"
        let path = walk.home.directory.file(name)
        _ = try await walk.mine.structured(
            "file_write", ["target": "site/local", "path": .string(path), "content": "é\n"])
        let folder = "homeline://files/site/local" + walk.home.directory.path
        let encoded = "a%20b%20%C3%BC%3F%23%2541.txt"
        let read = try await walk.read("\(folder)/\(encoded)")["contents"]?[0]
        #expect(read?["text"] == "é\n" && read?["mimeType"] == "text/plain")
        #expect(read?["_meta"]?["dev.homeline/size"] == 3)
        _ = try await walk.mine.structured(
            "file_write", ["target": "site/local", "path": .string(path), "base64": "/wAB"])
        let bytes = try await walk.read("\(folder)/\(encoded)")["contents"]?[0]
        #expect(bytes?["blob"] == "/wAB" && bytes?["mimeType"] == "application/octet-stream")
        let file: JSON = [
            "type": "ref/resource", "uri": "homeline://files/{agent}/{host}/{+path}",
        ]
        let place: JSON.Object = ["agent": "site", "host": "local"]
        let found = try await walk.complete(
            file, "path", walk.home.directory.path + "/a b", place)
        #expect(found?["values"] == [.string(path)] && found?["hasMore"] == false)
        #expect(try await walk.complete(file, "host", "lo", place)?["values"] == ["local"])
        #expect(try await walk.complete(file, "agent", "s")?["values"] == ["site"])
        let many = try walk.home.directory.folder("many")
        for number in 100..<250 { try walk.home.directory.write("", to: "many/f\(number)") }
        let all = try await walk.complete(file, "path", many + "/f", place)
        #expect(all?["values"]?.arrayValue?.count == 100)
        #expect(all?["total"] == 150 && all?["hasMore"] == true)
    }

    @Test func `prompts are listed, completed, and read again when their files change`()
        async throws
    {
        let walk = try await Walk.start()
        func names() async throws -> [String] {
            let list = try await walk.mine.request("prompts/list")["result"]?["prompts"]
            return list?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
        }
        let own = try await names()
        #expect(own.count == 7 && own.contains("first-look"))
        let get = try await walk.mine.request(
            "prompts/get", ["name": "first-look", "arguments": ["target": "site/local"]],
            name: "first-look")["result"]
        #expect(
            get?["messages"]?[0]?["content"]?["text"]?.stringValue?.contains("site/local") == true)
        #expect(
            get?["messages"]?[1]?["content"]?["resource"]?["text"]?.stringValue?
                .contains("memory") == true, "\(get ?? .null)")
        let found = try await walk.complete(
            ["type": "ref/prompt", "name": "disk-full"], "target", "site/")
        #expect(found?["values"] == ["site/local"])
        let paths = try await walk.complete(
            ["type": "ref/prompt", "name": "disk-full"], "path", "/et", ["target": "site/local"])
        #expect(paths?["values"] == ["/etc/"])

        // The operator's own, while a client listens for changes of the list.
        let client = try walk.initialize()
        func send(_ message: JSON) { client.send(message.description + "\n") }
        let agreed = try JSON(parsing: try await client.line(containing: "\"i\""))["result"]
        #expect(agreed?["capabilities"]?["prompts"]?["listChanged"] == true)
        #expect(agreed?["capabilities"]?["resources"]?["subscribe"] == true)
        #expect(agreed?["capabilities"]?["completions"] != nil)
        send(["jsonrpc": "2.0", "method": "notifications/initialized"])
        try walk.home.directory.write(
            "---\ndescription: ours\n---\nDo it.", to: "prompts/ours.md")
        _ = try await client.line(containing: "notifications/prompts/list_changed")
        #expect(try await names() == (own + ["ours"]).sorted())
        // The doctor names a file that cannot be used.
        try walk.home.directory.write("---\nno\n---\nx", to: "prompts/bad.md")
        let doctor = try RunningProcess(
            Repository.program("homeline-relay"),
            ["doctor", "--json", "--data", walk.home.data("relay"), "--prompts", walk.prompts])
        _ = try await doctor.finished()
        let checks = try JSON(parsing: doctor.output)["checks"]?.arrayValue ?? []
        let check = checks.first { $0["name"] == "prompts" }
        #expect(check?.description.contains("bad.md: line 2: write key: value") == true)
        #expect(await client.stop() == .exited(0))
        await walk.home.stop()
    }

    @Test func `who watches a session or a command is told of its output`() async throws {
        let walk = try await Walk.start()
        let opened = try await walk.mine.structured("ssh_session_open", ["target": "site/local"])
        let id = try #require(opened["session_id"]?.stringValue)
        let session = OpenSession(id: id, caller: walk.mine, opened: opened)
        let run = try await walk.mine.structured(
            "ssh_execute",
            [
                "target": "site/local", "command": "sleep 600 & wait", "background": true,
            ])
        let command = try #require(run["results"]?[0]?["command_id"]?.stringValue)
        let client = try walk.initialize()
        func send(_ message: JSON) { client.send(message.description + "\n") }
        _ = try await client.line(containing: "\"i\"")
        send(["jsonrpc": "2.0", "method": "notifications/initialized"])
        let transcript = "homeline://sessions/\(id)/transcript"
        let output = "homeline://commands/\(command)/output"
        for (number, uri) in [transcript, output, "homeline://agents"].enumerated() {
            send([
                "jsonrpc": "2.0", "id": .string("s\(number)"), "method": "resources/subscribe",
                "params": ["uri": .string(uri)],
            ])
            let answer = try JSON(parsing: try await client.line(containing: "\"s\(number)\""))
            #expect(answer["result"] != nil, "\(answer)")
        }
        // One of 2026-07-28 beside it: its stream names the subscription.
        let modern = try RunningProcess(
            Repository.program("homeline-relay"),
            ["stdio", "--data", walk.home.data("relay")])
        let listen: JSON = [
            "jsonrpc": "2.0", "id": "listen", "method": "subscriptions/listen",
            "params": [
                "notifications": [
                    "resourceSubscriptions": [
                        .string(transcript), "homeline://sessions/none/screen",
                        "homeline://stats",
                    ]
                ],
                "_meta": [
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": [:],
                ],
            ],
        ]
        modern.send(listen.description + "\n")
        let granted = try JSON(parsing: try await modern.line(containing: "acknowledged"))
        #expect(
            granted["params"]?["notifications"]?["resourceSubscriptions"] == [.string(transcript)])
        try await session.run("echo news")
        _ = try await client.line(containing: "updated\",\"params\":{\"uri\":\"\(transcript)\"")
        let told = try JSON(parsing: try await modern.line(containing: "resources/updated"))
        #expect(
            told["params"]?["_meta"]?["io.modelcontextprotocol/subscriptionId"] == "listen")
        #expect(await modern.stop() == .exited(0))
        _ = try await walk.mine.structured(
            "ssh_command_cancel", ["command_id": .string(command)])
        _ = try await client.line(containing: "updated\",\"params\":{\"uri\":\"\(output)\"")
        _ = await walk.home.process("site")?.stop()
        _ = try await client.line(containing: "updated\",\"params\":{\"uri\":\"homeline://agents\"")
        // What is there and cannot be read now is no missing resource.
        let away = try await walk.mine.request(
            "resources/read", ["uri": .string(transcript)], name: transcript)
        #expect(away["error"]?["code"] == 424, "\(away)")
        #expect(away["error"]?["message"]?.stringValue?.contains("offline") == true, "\(away)")
        #expect(await client.stop() == .exited(0))
        await walk.home.stop()
    }
}
