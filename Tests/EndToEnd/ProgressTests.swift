// A client that asks for progress sees the last line of what it waits for, about once a second.
import JSON
import Support
import Testing

@Suite struct ProgressTests {
    private let steps = "for i in 1 2 3 4 5 6; do echo step $i; sleep 1; done"

    private func check(_ progress: [JSON], _ label: String = "") {
        let lines = progress.compactMap { $0["message"]?.stringValue }
        #expect(lines.count >= 2, "\(progress)")
        #expect(lines.allSatisfy { $0.hasPrefix(label + "step ") }, "\(lines)")
        #expect(progress.allSatisfy { $0["progressToken"] == "t" })
        let values = progress.compactMap {
            $0["progress"]?.doubleValue ?? $0["progress"]?.intValue.map(Double.init)
        }
        #expect(values == values.sorted() && Set(values).count == progress.count)
    }

    @Test func `a command in a session, and reading it`() async throws {
        let session = try await Place.shared.value.open("dash")
        let (progress, result) = try await session.caller.watched(
            "ssh_session_command",
            ["session_id": .string(session.id), "command": .string(steps), "wait_s": 40])
        check(progress)
        #expect(
            result["structuredContent"]?.output
                == "step 1\nstep 2\nstep 3\nstep 4\nstep 5\nstep 6\n")
        let started = try await session.run(steps, wait: 0)
        #expect(started.state == "running")
        let read = try await session.caller.watched(
            "ssh_session_read",
            [
                "session_id": .string(session.id), "wait_s": 40, "until": "step 6",
                "offset": started["next_offset"] ?? 0,
            ])
        check(read.progress)
        #expect(read.result["structuredContent"]?["matched"] == true)
        // What ends at once is told by its result alone.
        let isQuiet = try await holds {
            try await session.caller.watched(
                "ssh_session_command", ["session_id": .string(session.id), "command": "echo hi"]
            ).progress.isEmpty
        }
        #expect(isQuiet)
        try await session.close()
    }

    @Test func `a command on one and on several targets`() async throws {
        let caller = try await Place.shared.value.caller
        let one = try await caller.watched(
            "ssh_execute", ["target": "site/local", "command": .string(steps), "wait_s": 40])
        check(one.progress)
        let several = try await caller.watched(
            "ssh_execute",
            ["targets": ["site/local", "site/bash"], "command": .string(steps), "wait_s": 40])
        let lines = several.progress.compactMap { $0["message"]?.stringValue }
        #expect(lines.contains { $0.hasPrefix("site/local: step ") }, "\(lines)")
        #expect(several.result["structuredContent"]?["succeeded"] == 2)
    }
}
