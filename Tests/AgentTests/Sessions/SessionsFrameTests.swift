// What the lines that frame a command leave of the shell's own state, and what a command may do to
// the shell without losing the session: afterwards the next command runs as in a plain shell.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(4))) struct SessionsFrameTests {
    /// The shells that keep the last word of a command in `$_`; zsh has lost it by then.
    private static let keepers = [TestShell.bash, .dash, .ash, .mksh].filter(\.isInstalled)

    @Test(arguments: keepers)
    @IO func `the last word of a command is there for the next one`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for (code, word) in [("true a b", "b"), ("false x 'y  z'", "y  z"), ("true ''", "")] {
            _ = try await session.run(code)
            #expect(try await session.run("echo \"[$_]\"").output == "[\(word)]\n", "\(code)")
        }
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(arguments: [TestShell.bash, .zsh].filter(\.isInstalled))
    @IO func `the statuses of a pipeline are there for the next command`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let name = shell == .bash ? "PIPESTATUS" : "pipestatus"
        let question = "echo $? \"${\(name)[@]}\""
        for (code, statuses) in [
            ("false | true", "0 1 0"), ("true | (exit 3) | true", "0 0 3 0"), ("false", "1 1"),
            ("true | false", "1 0 1"), ("true", "0 0"),
            ("set -o pipefail; false | true", "1 1 0"),
            ("set +o pipefail; trap 'exit 9' ERR", "0 0"),
            ("false | true", "0 1 0"), ("trap - ERR; set -e; false | true", "0 1 0"),
        ] {
            _ = try await session.run(code)
            let result = try await session.run(question)
            #expect(result.output == "\(statuses)\n", "\(code): \(result)")
        }
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(arguments: TestShell.known)
    @IO func `a shell that refuses to exit says so, and the second exit ends it`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        // Its mark comes before the shell has given the terminal to it: a key that comes in between
        // is the shell's.
        _ = try await session.run("sleep 60", wait: .milliseconds(500))
        #expect(session.console.shell.state.isRunning)
        let stopped = try await session.send(
            text: "", keys: ["ctrl-z"], enter: false, wait: .seconds(10), maxBytes: 1000)
        #expect(stopped.state == .stopped, "\(stopped)")
        let refused = try await session.run("exit")
        #expect(refused.output.contains("job"), "\(refused)")
        #expect(refused.state != .shellExited && refused.note?.contains("parse") != true)
        if shell == .zsh {
            #expect(refused.state == .done && refused.exitCode == 1, "\(refused)")
            #expect(refused.note?.contains("exit once more ends it") == true, "\(refused)")
        }
        #expect(try await session.run("echo ok").output == "ok\n")
        #expect(try await session.run("exit").state != .shellExited)
        #expect(try await session.run("exit").state == .shellExited)
    }

    @Test(arguments: TestShell.known)
    @IO func `a shell whose output is redirected goes on`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        for code in ["exec 2>/dev/null", "exec >&- 2>&-"] {
            let session = try await openSession(shell, home: home)
            defer { session.close() }
            #expect(try await session.run(code).state == .done, "\(code)")
            let isQuiet = code.contains("exec >")
            var result = try await session.run("echo ok")
            #expect(result.state == .done && result.output == (isQuiet ? "" : "ok\n"), "\(result)")
            // Ctrl-C shows no prompt either.
            _ = try await session.begin(
                "sh -c 'echo go >/dev/tty; exec sleep 60'", shows: "go")
            result = try await session.send(
                text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(20), maxBytes: 1000)
            #expect(result.state == .aborted && !result.output.contains("__"), "\(code): \(result)")
            // What is typed at the prompt has no end that shows: the answer names the way on.
            result = try await session.send(
                text: "true typed", keys: [], enter: true, wait: .seconds(2), maxBytes: 1000)
            if result.state != .done {
                await #expect(throws: Fault.self) { try await session.run("echo ok") }
                let start = IO.now
                result = try await session.send(
                    text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(60), maxBytes: 1000)
                #expect(start.duration(to: IO.now) < .seconds(40))
                #expect(result.state == .done, "\(code): \(result)")
            }
            result = try await session.run("exec >/dev/tty 2>&1")
            #expect(result.state == .done, "\(code): \(result)")
            result = try await session.run("echo ok")
            #expect(result.state == .done && result.output == "ok\n", "\(code): \(result)")
        }
    }

    @Test(arguments: [
        (TestShell.zsh, "emulate csh", "echo ok"), (.zsh, "emulate sh", "echo ok"),
        (.zsh, "emulate ksh", "echo ok"), (.zsh, "setopt err_return; true", "echo ok"),
        (.zsh, "setopt err_return; false", "echo ok"), (.zsh, "disable eval", "echo ok"),
        (.zsh, "disable printf", "echo ok"), (.zsh, "function eval { print mine }", "echo ok"),
        (.bash, "eval() { echo mine; }", "echo ok"), (.bash, "enable -n eval", "echo ok"),
        (.bash, "enable -n printf", "echo ok"), (.bash, "enable -n builtin", "echo ok"),
        (.bash, "command() { echo mine; }", "echo ok"), (.bash, "trap() { echo mine; }", "echo ok"),
        (.bash, "return() { echo mine; }", "echo ok"),
        (.bash, "printf() { echo mine; }", "echo ok"),
        (.bash, "set -r", "echo ok"),
        (.bash, "alias if=no eval=no builtin=no :=no", "echo ok"),
        (.dash, "printf() { echo mine; }", "builtin() { :; }; echo ok"),
    ]) @IO func `options and names of the user do not stop the session`(
        shell: TestShell, code: String, next: String
    ) async throws {
        guard shell.isInstalled else { return }
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        _ = try await session.run(code)
        for _ in 0..<2 {
            let result = try await session.run(next)
            #expect(result.state == .done && result.exitCode == 0, "\(code): \(result)")
            #expect(result.output == "ok\n", "\(code): \(result)")
        }
    }

    @Test(arguments: TestShell.installed)
    @IO func `a TAB in text reaches the command`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let typed = try await session.send(
            text: "printf %s 'a\tb' | od -An -c", keys: [], enter: true, wait: .seconds(20),
            maxBytes: 1000)
        #expect(typed.output.contains("a  \\t   b"), "\(typed)")
        #expect(!typed.output.contains("printf"), "\(typed)")
        let ran = try await session.run("printf %s 'a\tb' | od -An -c")
        #expect(ran.output.contains("a  \\t   b"), "\(ran)")
        // To a program, whatever it is, a TAB is typed as it is.
        _ = try await session.begin("echo go; cat", shows: "go")
        _ = try await session.send(
            text: "x\ty", keys: ["enter", "ctrl-d"], enter: false, wait: .seconds(10),
            maxBytes: 1000)
        let bytes = session.log.bytes((session.command?.begin ?? 0)..<session.log.end)
        #expect(String(decoding: bytes, as: UTF8.self).contains("x\ty"))
        if shell == .ash {
            await #expect(throws: Fault.self) {
                try await session.send(
                    text: "a\tb", keys: [], enter: false, wait: .zero, maxBytes: 10)
            }
        }
        #expect(try await session.run("echo ok").output == "ok\n")
    }
}
