// A target behind three jump hosts: what works over them, and what the loss of one ends.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct HopsTests {
    @Test @IO func `losing the middle hop ends what is above it, and nothing else`() async throws {
        var servers: [String: SSHServer] = [:]
        for name in ["one", "two", "three", "goal", "aside"] {
            servers[name] = try await SSHServer.start(.init(shell: .dash))
        }
        let jumps = ["two": "one", "three": "two", "goal": "three"]
        let desk = try await Desk(
            servers.map { name, server in
                (name, server, jumps[name].map { "    ProxyJump \($0)\n" } ?? "")
            })
        try desk.folder.write("content", to: "file")
        let links = desk.service.links

        // A session, a command and a file behind three hops; sessions on hops and elsewhere.
        var sessions: [String: JSON] = [:]
        for name in ["goal", "three", "one", "aside"] {
            let opened = try await desk.call(.openSession, ["target": .string("site/\(name)")])
                .get()
            sessions[name] = opened["session_id"]
            _ = try await run(desk, sessions[name], "kept=\(name)")
        }
        let ran = try await desk.call(
            .execute, ["target": "site/goal", "command": "echo $HOME"]
        ).get()
        let home = try #require(servers["goal"]).directory.file("home")
        #expect(ran["stdout"]?.stringValue == home + "\n")
        let file: JSON.Object = ["target": "site/goal", "path": desk.file("file")]
        #expect(try await desk.call(.readFile, file).get()["content"] == "content")
        let open = links.open
        #expect(Set(open.map(\.target)) == ["one", "two", "three", "goal", "aside"])
        #expect(open.first { $0.target == "goal" }?.via.count == 3)
        #expect(open.count == 5)

        // All of these run and wait above the hop that goes away.
        let id = sessions["goal"] ?? .null
        _ = try await run(desk, id, "echo begun; sleep 71", wait: 0)
        let started = try await desk.call(
            .execute,
            ["target": "site/goal", "command": "echo out; sleep 72", "background": true]
        ).get()
        let command = started["command_id"] ?? .null
        #expect(
            await told("begun") {
                try await desk.call(.readOutput, ["session_id": id, "offset": 0]).get()["output"]
            })
        #expect(
            await told("out") {
                try await desk.call(.readCommand, ["command_id": command]).get()["stdout"]
            })
        let waiting = IO.task {
            await desk.call(.readOutput, ["session_id": id, "wait_s": 50, "until": "never"])
        }
        let following = IO.task {
            await desk.call(
                .readCommand, ["command_id": command, "stdout_offset": 4, "wait_s": 50])
        }
        let reading = IO.task {
            var fault: Fault?
            while fault == nil { fault = await desk.fault(.readFile, file) }
            return fault
        }
        try #require(servers["two"]).stop()

        let lost = try await waiting.value.get()
        #expect(lost["state"] == "link_lost" && lost["exit_code"] == nil, "\(lost)")
        let ended = try await following.value.get()
        #expect(ended["state"] == "link_lost" && ended["exit_code"] == nil, "\(ended)")
        // What is asked for from now on is refused by the hop that is still there, with its words.
        let refused = try #require(await reading.value)
        #expect(
            [.linkLost, .unreachable, .channelRefused].contains(refused.code), "\(refused.message)")
        let fault = try #require(await desk.fault(.readFile, file))
        #expect(fault.code == .unreachable, "\(fault.message)")
        #expect(fault.message.contains("two"), "\(fault.message)")
        // An idle shell is over as well as a busy one, and is listed so.
        let listed = try await desk.call(.listSessions, [:]).get()["sessions"]?.arrayValue ?? []
        let states = Dictionary(
            uniqueKeysWithValues: listed.map {
                ($0["target"]?.stringValue ?? "", $0["state"]?.stringValue ?? "")
            })
        #expect(
            states == [
                "site/goal": "link_lost", "site/three": "link_lost", "site/one": "done",
                "site/aside": "done",
            ])
        let over: JSON.Object = ["session_id": sessions["three"] ?? .null, "command": "true"]
        #expect(await desk.code(.runCommand, over) == .sessionEnded)

        // Below and beside nothing has changed: the links and the shells on them are the same.
        #expect(Set(links.open.map(\.target)) == ["one", "aside"])
        for name in ["one", "aside"] {
            #expect(
                try await run(desk, sessions[name], "echo $kept")["output"]?.stringValue == name
                    + "\n")
            let before = open.first { $0.target == name }
            let now = links.open.first { $0.target == name }
            #expect(now?.created == before?.created)
        }

        // When it is back, so is the way.
        try await #require(servers["two"]).restart()
        #expect(try await desk.call(.readFile, file).get()["content"] == "content")
        let again = try await desk.call(.openSession, ["reopen": sessions["goal"] ?? .null]).get()
        #expect(try await run(desk, again["session_id"], "echo back")["output"] == "back\n")
        await desk.service.shutDown()
    }

    /// Whether an output comes to hold a text.
    @IO private func told(
        _ text: String, _ output: @IO () async throws -> JSON?
    ) async -> Bool {
        for _ in 0..<3000 {
            if (try? await output())?.stringValue?.contains(text) == true { return true }
            try? await IO.sleep(for: .milliseconds(10))
        }
        return false
    }

    @IO private func run(
        _ desk: Desk, _ session: JSON?, _ command: String, wait: Int = 20
    ) async throws -> JSON {
        try await desk.call(
            .runCommand,
            [
                "session_id": session ?? .null, "command": .string(command),
                "wait_s": .int(Int64(wait)),
            ]
        ).get()
    }
}
