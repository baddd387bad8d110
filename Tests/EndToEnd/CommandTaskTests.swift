// Commands as tasks, for a client that declares the extension: the same command by both its names.
import Foundation
import JSON
import Support
import Testing

@Suite struct CommandTaskTests {
    private static let declared: JSON.Object = [
        "io.modelcontextprotocol/clientCapabilities": [
            "extensions": ["io.modelcontextprotocol/tasks": [:]]
        ]
    ]

    private func ask(
        _ method: String, _ params: JSON, name: String, of caller: MCPCaller? = nil,
        declaring meta: JSON.Object = declared
    ) async throws -> JSON {
        let caller = if let caller { caller } else { try await Place.shared.value.caller }
        return try await caller.request(method, params, name: name, meta: meta)
    }

    private func start(
        _ command: String, declaring meta: JSON.Object = declared, _ more: JSON.Object = [:]
    ) async throws -> JSON {
        var arguments: JSON.Object = [
            "target": "site/bash", "command": .string(command), "wait_s": 0.5,
        ]
        for (name, value) in more { arguments[name] = value }
        let params: JSON = ["name": "ssh_execute", "arguments": .object(arguments)]
        let answer = try await ask("tools/call", params, name: "ssh_execute", declaring: meta)
        return try #require(answer["result"], "\(answer)")
    }

    private func state(of id: String) async throws -> JSON {
        let answer = try await ask("tasks/get", ["taskId": .string(id)], name: id)
        return try #require(answer["result"], "\(answer)")
    }

    @Test func `a command that outlives its wait is a task, and its result the tool's`()
        async throws
    {
        let made = try await start("sleep 2; echo done; exit 3")
        #expect(made["resultType"] == "task" && made["status"] == "working", "\(made)")
        let id = try #require(made["taskId"]?.stringValue)
        var seen = try await state(of: id)
        while seen["status"] == "working" {
            try await Task.sleep(for: .milliseconds(200))
            seen = try await state(of: id)
        }
        #expect(seen["status"] == "completed" && seen["resultType"] == "complete", "\(seen)")
        let result = try #require(seen["result"]?["structuredContent"]?["results"]?[0])
        #expect(result["stdout"] == "done\n" && result["exit_code"] == 3)
        let text = seen["result"]?["content"]?[0]?["text"]?.stringValue ?? ""
        #expect(text.contains("done") && text.contains("exit 3"), "\(text)")
        // The same command by its own name.
        let command = try #require(result["command_id"]?.stringValue)
        let read = try await Place.shared.value.caller.structured(
            "ssh_command_output", ["command_id": .string(command)])
        #expect(read["exit_code"] == 3)
    }

    @Test func `a task is cancelled with its command, and is its caller's alone`() async throws {
        let made = try await start("sleep 300")
        let id = try #require(made["taskId"]?.stringValue, "\(made)")
        let home = try await Place.shared.value.home
        let token = try await home.token(
            "tasks-other", scopes: "sessions:exec,sessions:read,fleet:read")
        let other = try MCPCaller(url: home.url, token: token)
        let foreign = try await ask("tasks/get", ["taskId": .string(id)], name: id, of: other)
        #expect(foreign["error"]?["code"] == -32602, "\(foreign)")
        _ = try await ask("tasks/cancel", ["taskId": .string(id)], name: id, of: other)
        #expect(try await state(of: id)["status"] == "working")
        let undeclared = try await ask(
            "tasks/get", ["taskId": .string(id)], name: id, declaring: [:])
        #expect(undeclared["error"]?["code"] == -32021)
        let ended = try await ask("tasks/cancel", ["taskId": .string(id)], name: id)
        #expect(ended["result"]?["resultType"] == "complete", "\(ended)")
        #expect(
            try await holds(within: .seconds(15)) {
                try await state(of: id)["status"] == "cancelled"
            })
    }

    @Test func `who does not know tasks, or does not wait, gets the command`() async throws {
        let plain = try await start("sleep 1", declaring: [:])
        #expect(plain["structuredContent"]?["results"]?[0]?["state"] == "running", "\(plain)")
        let quick = try await start("echo hi")
        #expect(quick["resultType"] == "complete")
        let background = try await start("sleep 1", ["background": true])
        #expect(background["resultType"] == "complete")
        for id in ["ssh_execute/none.1", "ssh_execute", "x/y", ""] {
            let answer = try await ask("tasks/get", ["taskId": .string(id)], name: id)
            #expect(answer["error"]?["code"] == -32602, "\(id): \(answer)")
        }
    }
}
