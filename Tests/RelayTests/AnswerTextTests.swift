// The text of each kind of result: output as it is, then a line that says what the next call needs.
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct AnswerTextTests {
    private func text(
        _ tool: String, _ structured: JSON, in profile: ToolProfile = .all
    ) throws -> String {
        let row = try #require(ToolRow.all.first { $0.name == tool })
        return try #require(AnswerText(row: row, profile: profile).text(of: structured))
    }

    @Test func `a command in a session`() throws {
        func check(_ members: JSON.Object, _ expected: String) throws {
            var all: JSON.Object = ["session_id": "k3f9.7", "command_id": "k3f9.7.1"]
            for (name, value) in members { all[name] = value }
            #expect(try text("ssh_session_command", .object(all)) == expected)
        }
        try check(
            ["state": "done", "exit_code": 2, "duration_ms": 412, "cwd": "/etc", "output": "a\nb"],
            "a\nb\n[exit 2 · 0.4 s · /etc]")
        try check(["state": "done", "exit_code": 0], "[exit 0]")
        try check(
            ["state": "done", "signal": "KILL", "duration_ms": 75_000], "[signal KILL · 75 s]")
        try check(
            ["state": "running", "duration_ms": 10_004, "output": "one\n", "foreground": "make"],
            "one\n[running · make · k3f9.7 · 10 s · next: ssh_session_read {\"session_id\":\"k3f9.7\",\"wait_s\":30}]"
        )
        try check(
            ["state": "secret", "prompt": "[sudo] password: ", "foreground": "sudo"],
            "[waits for a secret · sudo · prompt \"[sudo] password: \" · k3f9.7"
                + " · next: ssh_session_send {\"secret\": …}]")
        try check(
            ["state": "secret", "prompt": "Enter passphrase (empty for no passphrase): "],
            "[waits for a secret · prompt \"Enter passphrase (empty for no passphrase): \" · k3f9.7"
                + " · next: ssh_session_send {\"secret\": …}, or {\"keys\": [\"enter\"]} for an"
                + " empty one]")
        try check(
            [
                "state": "done", "exit_code": 0, "output": "h\n[...]\nt\n", "truncated": true,
                "omitted_bytes": 90, "offset": 12,
            ],
            "h\n[...]\nt\n[exit 0 · 90 bytes left out: ssh_session_read "
                + "{\"session_id\":\"k3f9.7\",\"offset\":12}]")
        try check(
            ["state": "link_lost", "evidence": ["eof"], "note": "gone"],
            "[the connection was lost · next: ssh_session_open {\"reopen\":\"k3f9.7\"}]\n[note: gone]"
        )
        try check(
            ["state": "maybe_input", "prompt": "Sure?", "evidence": ["regex"]],
            "[may wait for input · prompt \"Sure?\" · k3f9.7 · low confidence: from the output alone"
                + " · next: ssh_session_send {\"text\": …}, or ssh_session_read "
                + "{\"session_id\":\"k3f9.7\",\"wait_s\":30}]")
        try check(
            [
                "state": "fullscreen", "foreground": "less",
                "screen": [
                    "rows": ["top line", "", " end"], "cols": 80, "rows_count": 24,
                    "cursor": ["row": 2, "col": 4],
                ],
            ],
            "top line\n\n end\n[full-screen program · less · screen 80×24, cursor row 2 col 4 · k3f9.7"
                + " · next: ssh_session_send {\"keys\": […], \"view\": \"screen\"}]")
        // A client that sees few tools is told of these alone.
        let core = try text(
            "ssh_session_command",
            ["session_id": "k3f9.7", "command_id": "k3f9.7.1", "state": "running"], in: .core)
        #expect(core.contains("next: ssh_command_output {\"command_id\":\"k3f9.7.1\""), "\(core)")
    }

    @Test func `what an agent makes up has a text, too`() throws {
        for number in [Int64.min, -1, .max] {
            let sum = try text("ssh_command_output", ["results": [[:]], "running": .int(number)])
            #expect(sum.hasSuffix("[1 ended, 0 running]"), "\(sum)")
        }
        // As many rows as there may be, each with a member of its own.
        let rows = (0..<10_000).map { JSON.object(["m\($0)": "x"]) }
        #expect(try text("agent_list", ["agents": .array(rows)]).utf8.count <= 1 << 19)
    }

    @Test func `each state has words, and says what follows unless it is the end`() throws {
        for state in CommandState.allCases {
            let members: JSON = ["session_id": "k3f9.7", "state": .string(state.rawValue)]
            let shown = try text("ssh_session_read", members)
            let isEnd = state == .done || state == .aborted
            #expect(shown.contains("next: ") != isEnd, "\(state): \(shown)")
        }
        for state in RunState.allCases {
            let members: JSON = [
                "command_id": "k3f9.9", "target": "a/b", "state": .string(state.rawValue),
            ]
            let shown = try text("ssh_command_output", members)
            #expect(
                shown.contains("next: ") != state.isOver(isDetached: false), "\(state): \(shown)")
            #expect(state.isOver(isDetached: false) || shown.contains("k3f9.9"), "\(shown)")
        }
    }

    @Test func `one command on one and on many targets`() throws {
        let entry: JSON = [
            "target": "site/db", "command_id": "k3f9.9", "state": "running", "stdout": "out",
            "stderr": "err\n", "stdout_next_offset": 3, "duration_ms": 10_000,
        ]
        #expect(
            try text("ssh_execute", ["running": 1, "results": [entry]])
                == "out\n--- stderr\nerr\n[running · k3f9.9 · 10 s · site/db · next: ssh_command_output "
                + "{\"command_id\":\"k3f9.9\",\"wait_s\":30,\"stdout_offset\":3}]")
        let many: JSON = [
            "summary": "2 of 3 succeeded; not run: b/x (offline).", "succeeded": 2, "not_run": 1,
            "results": [
                .raw(
                    RawJSON([
                        "target": "a/x", "command_id": "k3f9.1", "state": "done", "exit_code": 0,
                        "stdout": "up\n", "also": ["a/y": "k3f9.2"],
                    ])), ["target": "b/x", "error": "offline"],
            ],
        ]
        #expect(
            try text("ssh_execute", many) == """
                2 of 3 succeeded; not run: b/x (offline).
                === a/x, a/y
                up
                [exit 0]
                === b/x
                [offline]
                """)
        let several: JSON = [
            "running": 1,
            "results": [entry, ["command_id": "k3f9.8", "error": "There is no command"]],
        ]
        let shown = try text("ssh_command_output", several)
        #expect(shown.hasPrefix("=== k3f9.9 site/db\nout\n"), "\(shown)")
        #expect(shown.hasSuffix("[There is no command]\n[1 ended, 1 running]"), "\(shown)")
    }

    @Test func `lists are lines with tabs, with defaults filled in`() throws {
        let files: JSON = [
            "target": "a/b", "path": "/srv", "more": 2,
            "entries": [["path": "x\ty", "size": 1], ["path": "d", "type": "directory"]],
        ]
        #expect(
            try text("file_list", files)
                == "path\ttype\tsize\nx y\tfile\t1\nd\tdirectory\t-\ntarget: a/b\npath: /srv\nmore: 2"
        )
        #expect(try text("ssh_session_list", ["sessions": []]) == "no sessions")
        let rows: JSON = ["target": "a/b", "what": "disks", "rows": [["mount": "/", "used": 3]]]
        #expect(try text("host_read", rows).hasPrefix("mount\tused\n/\t3\n"))
        let partial: JSON = [
            "targets": [["target": "a/b", "user": "op"]], "unanswered": ["c: offline"],
        ]
        #expect(
            try text("target_list", partial)
                == "target\tuser\tsource\na/b\top\tssh_config\n[unanswered: c: offline]"
                || (try text("target_list", partial))
                    == "target\tuser\na/b\top\n[unanswered: c: offline]"
        )
        #expect(try text("ssh_session_close", ["closed": ["k3f9.7"]]) == "closed: k3f9.7")
    }

    @Test func `files, differences and reports`() throws {
        let content: JSON = [
            "path": "/f", "size": 30, "content": "a\nb", "next_offset": 3, "target": "a/b",
        ]
        #expect(
            try text("file_read", content)
                == "a\nb\n[/f · 30 bytes · next: file_read from offset 3]")
        let lines: JSON = [
            "path": "/f", "size": 9, "end": true,
            "matches": [["line": 2, "offset": 2, "text": "b"], ["offset": 7, "text": "bb"]],
        ]
        #expect(try text("file_read", lines) == "2:b\n@7:bb\n[/f · 9 bytes · 2 lines match]")
        let edited: JSON = [
            "path": "/f", "size": 2, "sha256": "ab", "replaced": 1, "diff": "-a\n+b\n",
        ]
        #expect(
            try text("file_edit", edited) == "-a\n+b\n[1 replaced · /f · 2 bytes · sha256 ab]")
        #expect(try text("file_diff", ["equal": true]) == "[equal]")
        #expect(try text("host_report", ["target": "a/b", "report": "load: 1\n"]) == "load: 1\n")
    }

    @Test func `a text has an end, and its last lines stay`() throws {
        let output = String(repeating: "0123456789\n", count: 40_000)
        let shown = try text(
            "ssh_session_command",
            ["session_id": "k3f9.7", "state": "running", "output": .string(output)])
        #expect(shown.utf8.count < 121_000 && shown.hasPrefix("0123456789\n"))
        #expect(shown.contains("bytes left out of this text"))
        #expect(
            shown.hasSuffix("next: ssh_session_read {\"session_id\":\"k3f9.7\",\"wait_s\":30}]"))
        // Output of a host is shown as it is.
        let odd = "{\"state\":\"done\"}\n\u{fffd}é漢\n"
        let kept = try text(
            "ssh_session_read", ["session_id": "k3f9.7", "state": "done", "output": .string(odd)])
        #expect(kept == odd + "[done]")
    }

    @Test @IO func `what a handler wrote itself, and a failure, stay`() async throws {
        let row = try #require(ToolRow.all.first { $0.name == "file_list" })
        let failed = await AnswerText(row: row).given(to: .failure("no"))
        #expect(failed.text == .string("no") && failed.isError)
        let given = await AnswerText(row: row).given(
            to: ToolResult(structured: .raw(RawJSON(["path": "/srv"]))))
        #expect(given.text == .string("path: /srv"))
        // What has more values than anybody reads is not taken apart.
        let many = RawJSON(["entries": .array([JSON](repeating: [1], count: 20_000))])
        let kept = await AnswerText(row: row).given(to: ToolResult(structured: .raw(many)))
        #expect(kept.text == .structured)
    }
}
