// Rules by which a person has to agree to a call: what such a call shows, and that what it has
// begun goes on without more questions. An agent alone, with real servers.
import Crypto
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct AskForTargetTests {
    /// Makes a call that a rule asks about, without an answer and then with it.
    @IO private static func agreed(
        _ desk: Desk, _ method: Wire.Method, _ arguments: JSON.Object
    ) async throws -> JSON {
        let question = try await question(desk, method, arguments)
        let once = Grant(question.digest, .once)
        return try await desk.call(method, arguments, approved: [once]).get()
    }

    @IO private static func question(
        _ desk: Desk, _ method: Wire.Method, _ arguments: JSON.Object
    ) async throws -> Question {
        guard case .failure(let fault) = await desk.call(method, arguments, approved: []) else {
            throw Unavailable("nobody was asked")
        }
        return try #require(fault.question, "\(fault)")
    }

    @Test @IO func `a transfer goes on after its call`() async throws {
        let desk = try await Desk([])
        desk.allow { $0.asked.targets = ["local"] }
        try desk.folder.write("in\n", to: "from")
        let begun = try await Self.agreed(
            desk, .startTransfer,
            [
                "target": "site/local", "path": desk.file("from"), "to_target": "site/local",
                "to_path": desk.file("to"), "wait_s": 0,
            ])
        let id = try #require(begun["command_id"])
        let done = try await desk.call(
            .awaitTransfer, ["command_id": id, "wait_s": 30], approved: []
        ).get()
        #expect(done["state"] == "done", "\(done)")
        #expect(try desk.text("to") == "in\n")
    }

    /// A desk whose target `web` a rule asks about, and the home there.
    @IO private static func desk() async throws -> (Desk, SSHServer, home: TemporaryDirectory) {
        let home = try TemporaryDirectory("home")
        var options = SSHServer.Options(shell: .dash)
        options.home = home.path
        let server = try await SSHServer.start(options)
        let desk = try await Desk([("web", server, "")])
        desk.allow { $0.asked.targets = ["web"] }
        return (desk, server, home)
    }

    @Test @IO func `a detached command is followed again by a later call`() async throws {
        let (desk, server, home) = try await Self.desk()
        defer { withExtendedLifetime(home) {} }
        let wait = "until [ -e \(home.file("gate")) ]; do sleep 0.05; done; echo out"
        let begun = try await Self.agreed(
            desk, .execute,
            ["target": "site/web", "command": .string(wait), "detached": true, "wait_s": 0])
        let id = try #require(begun["command_id"]?.stringValue)
        let run = try desk.service.commands.find(id)
        server.cutLinks()
        #expect(await until { !run.isAttached })
        try home.write("", to: "gate")
        let read = try await desk.call(
            .readCommand, ["command_id": .string(id), "wait_s": 20, "wait_for": "end"],
            approved: []
        ).get()
        #expect(read["stdout"] == "out\n", "\(read)")
    }

    @Test @IO func `the files of a session are used without a question`() async throws {
        let (desk, _, home) = try await Self.desk()
        defer { withExtendedLifetime(home) {} }
        let path = try home.write("in\n", to: "file")
        let opened = try await Self.agreed(desk, .openSession, ["target": "site/web"])
        let id = try #require(opened["session_id"])
        let read = try await desk.call(
            .readFile, ["session_id": id, "path": .string(path)], approved: []
        ).get()
        #expect(read["content"] == "in\n", "\(read)")
        // By its target it is a call of its own.
        _ = try await Self.question(
            desk, .readFile, ["target": "site/web", "path": .string(path)])
    }

    @Test @IO func `what is too long to be read is refused, but for what a file is to hold`()
        async throws
    {
        let desk = try await Desk([])
        desk.allow { $0.asked.tools = ["file_write", "ssh_execute"] }
        let long = String(repeating: "x", count: Question.textBytes + 1)
        let content = Array(long.utf8)
        for (name, value) in [("content", long), ("base64", Base64.encode(content))] {
            let question = try await Self.question(
                desk, .writeFile,
                ["target": "site/local", "path": desk.file("to"), name: .string(value)])
            guard case .policy(_, _, let text) = question.matter else {
                Issue.record("\(question)")
                return
            }
            #expect(text.contains("\(content.count) bytes"), "\(name): \(text)")
            #expect(text.contains(Hex.encode(SHA256.hash(content))), "\(name): \(text)")
            #expect(text.contains("\"path\"") && text.utf8.count < 1000, "\(name): \(text)")
        }
        let fed: JSON.Object = ["target": "site/local", "command": "cat", "stdin": .string(long)]
        guard case .failure(let fault) = await desk.call(.execute, fed, approved: []) else {
            Issue.record("it went on")
            return
        }
        #expect(fault.code == .refusedByPolicy && fault.question == nil, "\(fault)")
    }
}
