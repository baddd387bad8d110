// Every tool as clients see it: its schemas are in the subset that all LLM services take, and each
// result, of a success and of each failing state, fits the schema that the list gives for it.
import Foundation
import JSON
import Support
import Testing
import Wire

@Suite struct ToolWalkTests {
    /// What was called, and what did not fit.
    private final class Walk: Sendable {
        let caller: MCPCaller, tools: [String: JSON]
        private let done = Box(Set<String>()), states = Box(Set<String>())

        init(_ caller: MCPCaller) async throws {
            self.caller = caller
            let list = try await caller.request("tools/list")["result"]?["tools"]?.arrayValue ?? []
            tools = Dictionary(
                uniqueKeysWithValues: list.map { ($0["name"]?.stringValue ?? "", $0) })
        }

        var succeeded: Set<String> { done.withLock { $0 } }
        var seen: Set<String> { states.withLock { $0 } }

        @discardableResult
        func call(_ tool: String, _ arguments: JSON = [:], fails: Bool = false) async throws -> JSON
        {
            let result = try await caller.call(tool, arguments)
            #expect(result["isError"] == .bool(fails), "\(tool) \(arguments): \(result)")
            let text = result["content"]?[0]?["text"]?.stringValue ?? ""
            #expect(!text.isEmpty && !text.hasPrefix("{"), "\(tool): \(text)")
            guard let content = result["structuredContent"] else {
                #expect(fails, "\(tool) has no structured content: \(result)")
                return .null
            }
            let row = ToolRow.all.first { $0.name == tool }
            for schema in [tools[tool]?["outputSchema"], row?.resultSchema] {
                let misfits = SchemaSubset.misfits(of: content, in: schema ?? .null)
                #expect(misfits == [], "\(tool) \(arguments)")
            }
            if !fails { done.withLock { _ = $0.insert(tool) } }
            let all = [content] + (content["results"]?.arrayValue ?? [])
            states.withLock { $0.formUnion(all.compactMap { $0["state"]?.stringValue }) }
            return content
        }
    }

    @Test func `every tool keeps to its schemas, whatever comes of a call`() async throws {
        let home = try await Installation.start()
        try await home.join("site")
        let caller = try await home.caller()
        try await home.startAgent("site", caller: caller)
        try await home.join("away")
        let walk = try await Walk(caller)
        for (name, tool) in walk.tools {
            let input = SchemaSubset.problems(in: tool["inputSchema"] ?? .null, isInput: true)
            let output = SchemaSubset.problems(in: tool["outputSchema"] ?? .null, isInput: false)
            #expect(input == [] && output == [], "\(name)")
            #expect(name.utf8.count <= 32)
            // The longest description of a function that OpenAI takes.
            #expect((tool["description"]?.stringValue?.count ?? .max) <= 1024, "\(name)")
        }
        let local: JSON = "site/local"
        try await walk.call("agent_list")
        try await walk.call("agent_describe", ["agent": "site", "refresh": true])
        try await walk.call("agent_describe", ["agent": "away"])
        try await walk.call("agent_update", ["agent": "site", "purpose": "walked", "tags": ["t"]])
        try await walk.call("agent_list", ["tags": ["t"], "query": "walked", "capability": "zfs"])
        try await walk.call("target_list", ["probe": true])
        // One-shot commands and their ends.
        let path = JSON.string(home.directory.file("text"))
        for (command, more) in [
            ("echo hi", [:]), ("exit 3", [:]), ("kill -9 $$", [:]), ("sleep 9", ["timeout_s": 1]),
            ("echo a; sleep 60", ["background": true]), ("echo b", ["pty": true]),
            ("head -c 90000 /dev/zero", ["max_bytes": 1000]),
        ] as [(String, JSON.Object)] {
            var arguments: JSON.Object = ["target": local, "command": .string(command)]
            for (name, value) in more { arguments[name] = value }
            try await walk.call("ssh_execute", .object(arguments))
        }
        try await walk.call(
            "ssh_execute", ["targets": ["site/local", "away/x", "none/x"], "command": "true"])
        let commands = try await walk.call("ssh_command_list")
        for id in commands["commands"]?.arrayValue?.compactMap({ $0["command_id"] }) ?? [] {
            try await walk.call("ssh_command_output", ["command_id": id])
            try await walk.call("ssh_command_cancel", ["command_id": id])
        }
        let ids = commands["commands"]?.arrayValue?.compactMap { $0["command_id"] } ?? []
        let several = try await walk.call(
            "ssh_command_output", ["command_ids": .array(Array(ids.prefix(3)) + ["none.x"])])
        #expect(several["results"]?.arrayValue?.count == 4 && several["running"] == 0)
        #expect(several["results"]?[3]?["error"]?.stringValue?.contains("none.x") == true)
        try await walk.call("ssh_command_list", ["limit": 1, "state": "done"])
        for arguments in [
            [:], ["command_ids": []], ["command_ids": [ids[0]], "stdout_offset": 1],
            ["command_ids": [ids[0], ids[0]]],
        ] as [JSON] {
            try await walk.call("ssh_command_output", arguments, fails: true)
        }
        let closing = try await walk.call("ssh_session_close", fails: true)
        #expect(closing == .null)
        // Sessions in the states that a program can bring them to.
        let session = try #require(
            try await walk.call("ssh_session_open", ["target": local])["session_id"])
        for command in [
            "echo hi", "false", "read x", "read -s x", "echo 'a", "sleep 60", "exit 4",
        ] {
            try await walk.call(
                "ssh_session_command",
                ["session_id": session, "command": .string(command), "wait_s": 2])
            try await walk.call("ssh_session_read", ["session_id": session])
            try await walk.call("ssh_session_read", ["session_id": session, "view": "screen"])
            guard command != "exit 4" else { break }
            let pressed = try await walk.call(
                "ssh_session_send",
                ["session_id": session, "keys": ["ctrl-c"], "view": "screen"])
            #expect(pressed["screen"]?["rows"] != nil && pressed["output"] == nil)
        }
        try await walk.call("ssh_session_update", ["session_id": session, "name": "walk"])
        try await walk.call("ssh_session_list")
        try await walk.call("ssh_session_close", ["session_id": session])
        try await walk.call(
            "file_write", ["target": local, "path": path, "content": "a\nb\n"])
        try await walk.call("file_read", ["target": local, "path": path])
        try await walk.call("file_read", ["target": local, "path": path, "grep": "b"])
        try await walk.call("file_list", ["target": local, "path": "/"])
        let subjects = walk.tools["host_read"]?["inputSchema"]?["properties"]?["what"]?["enum"]
        for subject in try #require(subjects?.arrayValue) {
            var arguments: JSON.Object = ["target": local, "what": subject]
            if subject == "container_logs" { arguments["name"] = "none" }
            try await walk.call("host_read", .object(arguments))
        }
        try await walk.call("host_report", ["target": local])
        for place: JSON in ["agent", "relay"] {
            let forward = try await walk.call(
                "forward_open", ["target": local, "at": place, "to": "localhost:1"])
            try await walk.call("forward_list", ["target": local])
            let id = try #require(forward["forward_id"])
            try await walk.call("forward_close", ["forward_id": id])
        }
        try await walk.call(
            "file_edit",
            ["target": local, "path": path, "edits": [["old": "a", "new": "A"]]])
        try await walk.call(
            "file_edit",
            ["target": local, "path": path, "edits": [["old": "none", "new": ""]]], fails: true)
        let same = try await walk.call(
            "file_diff", ["target": local, "path": path, "text": "A\nb\n"])
        #expect(same["equal"] == true && same["diff"] == nil)
        let other = try await walk.call(
            "file_diff",
            ["target": local, "path": path, "to_target": local, "to_path": "/dev/../etc/passwd"])
        #expect(other["equal"] == false)
        #expect(other["diff"]?.stringValue?.contains("\n-A\n-b\n") == true, "\(other)")
        for wrong in [
            ["target": local, "path": path], ["target": local, "path": path, "to_path": "/none"],
            ["target": local, "path": path, "to_target": "none/x"],
            ["target": local, "path": path, "text": "", "to_path": "/x"],
            ["path": path, "text": ""],
        ] as [JSON] {
            try await walk.call("file_diff", wrong, fails: true)
        }
        let copy = try await walk.call(
            "file_transfer",
            [
                "target": local, "path": path, "to_target": local,
                "to_path": .string(home.directory.file("copy")),
            ])
        try await walk.call("file_transfer", ["command_id": try #require(copy["command_id"])])
        try await walk.call("file_transfer", ["target": local, "path": path], fails: true)
        try await walk.call(
            "file_transfer", ["target": local, "path": path, "to_target": "relay"])
        for arguments in [
            ["action": "list"], ["action": "download_url", "name": "text"],
            ["action": "upload_url", "name": "other"], ["action": "list"],
            ["action": "delete", "name": "text"],
        ] as [JSON] {
            try await walk.call("file_drop", arguments)
        }
        for arguments in [
            [:], ["action": "delete"], ["action": "delete", "name": "none"],
            ["action": "list", "name": "text"], ["action": "upload_url", "name": "a/b"],
            ["action": "download_url", "name": "other", "max_bytes": 1],
        ] as [JSON] {
            try await walk.call("file_drop", arguments, fails: true)
        }
        let folder = JSON.string(home.directory.path)
        try await walk.call(
            "file_find", ["target": local, "path": folder, "name": "te*", "grep": "A"])
        try await walk.call(
            "file_manage", ["target": local, "action": "delete", "path": path])
        #expect(Set(walk.tools.keys) == walk.succeeded)
        #expect(
            walk.seen.isSuperset(of: ["done", "running", "timed_out"]), "\(walk.seen)"
        )
        // What every tool can fail by: its arguments, what they name, and an agent that is away.
        for (name, tool) in walk.tools {
            let properties = tool["inputSchema"]?["properties"]?.objectValue?.keys ?? []
            if properties.contains("target") || tool["inputSchema"]?["required"] != nil {
                try await walk.call(name, ["nonesuch_argument": 1, "targe": "x"], fails: true)
            }
            for (key, values) in [
                ("session_id", ["none", "a.b"]), ("command_id", ["none", "a.b"]),
                ("forward_id", ["none", "a.b"]),
                ("target", ["none/x", "away/x", "x"]), ("agent", ["none", "away"]),
            ] as [(String, [String])] where properties.contains(key) && name != "agent_list" {
                for value in values where !(value == "away" && name == "agent_describe") {
                    var arguments: JSON.Object = [key: .string(value)]
                    for needed in tool["inputSchema"]?["required"]?.arrayValue ?? [] {
                        let word = needed.stringValue ?? ""
                        if arguments[word] == nil { arguments[word] = "x" }
                    }
                    let result = try await caller.call(name, .object(arguments))
                    #expect(result["isError"] == true, "\(name) \(arguments): \(result)")
                    #expect(result["content"]?[0]?["text"]?.stringValue?.isEmpty == false)
                }
            }
        }
        try await walk.call("file_read", ["target": local, "path": "/none"], fails: true)
        try await walk.call("file_list", ["target": local, "path": "/none"], fails: true)
        await home.stop()
    }
}
