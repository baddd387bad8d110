// Shells that trace what they do, and traps: only the user's own lines are in an output, and the
// nonce of the marks is in no output, log or file of traces.
import Foundation
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsTraceTests {
    /// `on` turns the trace on; then `code` prints `output`, and `off` ends it.
    struct Trace: Sendable, CustomTestStringConvertible {
        var shell: TestShell
        var on: String
        var code = "echo a\necho b"
        var output: String
        var off: String
        var testDescription: String { "\(shell) \(on)" }
    }

    static let traces: [Trace] =
        [TestShell.bash, .dash, .ash].map { shell in
            let mark = shell == .bash ? "++" : "+"
            return Trace(
                shell: shell, on: "set -x",
                output: "\(mark) echo a\na\n\(mark) echo b\nb\n", off: "set +x")
        }
        + [
            Trace(
                shell: .bash, on: "set -v", output: "echo a\na\necho b\nb\n", off: "set +v"),
            Trace(
                shell: .bash, on: "set -vx",
                output: "echo a\n++ echo a\na\necho b\n++ echo b\nb\n", off: "set +vx"),
            Trace(
                shell: .bash, on: "trap 'echo \"[$BASH_COMMAND]\"' DEBUG",
                output: "[echo a]\na\n[echo b]\nb\n", off: "trap - DEBUG"),
            Trace(
                shell: .bash, on: "set -T; trap 'echo \"[$BASH_COMMAND]\"' DEBUG",
                output: "[echo a]\na\n[echo b]\nb\n", off: "trap - DEBUG; set +T"),
            Trace(
                shell: .bash, on: "set -E; trap 'echo bad' ERR", code: "false; echo b",
                output: "bad\nb\n", off: "trap - ERR"),
            Trace(
                shell: .bash, on: "exec 7>~/traced; BASH_XTRACEFD=7; set -x", output: "a\nb\n",
                off: "set +x"),
            Trace(shell: .dash, on: "set -v", output: "a\nb\n", off: "set +v"),
            Trace(shell: .ash, on: "set -v", output: "a\nb\n", off: "set +v"),
            Trace(
                shell: .zsh, on: "setopt xtrace verbose",
                output: "+(eval):2> echo a\na\n+(eval):3> echo b\nb\n",
                off: "unsetopt xtrace verbose"),
            Trace(
                shell: .zsh, on: "trap 'echo bad' ZERR", code: "false; echo b",
                output: "bad\nb\n", off: "trap - ZERR"),
            Trace(
                shell: .fish, on: "set -g fish_trace 1",
                output: "-> echo a\na\n-> echo b\nb\n", off: "set -e fish_trace"),
            Trace(
                shell: .tcsh, on: "set echo", output: "echo a\na\necho b\nb\n", off: "unset echo"),
            Trace(
                shell: .tcsh, on: "set echo verbose", code: "echo a",
                output: "echo a\necho a\na\n", off: "unset echo verbose"),
        ]

    @Test(arguments: traces.filter(\.shell.isInstalled))
    @IO func `a trace shows the user's lines alone`(trace: Trace) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(trace.shell, home: home)
        defer { session.close() }
        let status = trace.shell == .fish ? "$status" : "$?"
        let first = try await session.run(trace.on)
        #expect(!first.output.contains("__") && first.note == nil, "\(first)")
        for _ in 1...2 {
            let result = try await session.run(trace.code)
            #expect(result.output == trace.output && result.note == nil, "\(result)")
        }
        let failed = try await session.run("sh -c 'exit 5'")
        #expect(failed.exitCode == 5 && !failed.output.contains("__"), "\(failed)")
        let next = try await session.run("echo \(status)")
        #expect(next.output.contains("5\n") && !next.output.contains("__"), "\(next)")
        // A command that exports is asked what.
        let export = try await session.run(session.console.shell.profile.exporting("HL_A", "1"))
        #expect(!export.output.contains("__"), "\(export)")
        #expect(await holds { session.console.exports.known?.values["HL_A"] == "1" })
        _ = try await session.run("sleep 60", wait: .milliseconds(300))
        let stopped = try await session.press("ctrl-c", wait: .seconds(10))
        #expect(stopped.state == .aborted && !stopped.output.contains("__"), "\(stopped)")
        let off = try await session.run(trace.off)
        #expect(off.state == .done && !off.output.contains("__"), "\(off)")
        #expect(try await session.run("echo ok").output == "ok\n")
        let nonce = session.console.shell.nonce.text
        let log = session.log.bytes(session.log.start..<session.log.end)
        #expect(!String(decoding: log, as: UTF8.self).contains(nonce))
        let file = FileManager.default.contents(atPath: home.file("traced")) ?? Data()
        #expect(!String(decoding: file, as: UTF8.self).contains(nonce))
    }
}
