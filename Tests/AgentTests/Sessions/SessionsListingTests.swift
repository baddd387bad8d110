// Lists of what a shell has, and prompts that a command prints, are output like any other: they end
// no command, and the nonce of the marks is in none of them.
import Foundation
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsListingTests {
    /// What lists variables, functions, aliases and typed lines in a shell, or prints a prompt.
    static func codes(_ shell: TestShell) -> [String] {
        let common = [
            "set", "export -p", "alias", "env", "echo \"$PS1\"; echo \"$PS2\"",
            "set > ~/list; cat ~/list",
        ]
        return switch shell {
        case .bash:
            common + [
                "declare -p", "declare -f", "declare -p PS2 __Q", "set -o history; history",
                "echo \"${PS1@P}\"", "echo \"${PS2@P}\"", "export PS1 PS2 __P __Q; env",
                "(set -x; echo \"${PS1@P}\")", "type __k", "set -o posix; set; set +o posix",
                "PS4=$PS1; set -x; echo hi; set +x; PS4='+ '", "cat /proc/$$/environ; ps axe",
                "trap 'echo \"${PS1@P}\"' DEBUG; echo a; trap - DEBUG", "compgen -A function -v",
                "(sleep 0.1; echo \"${PS1@P}\") & sleep 0.3", "printf %s \"${PS2@P}\"",
                "read x <<< 'a\\'; read x < <(printf 'b\\\\\\nc\\n')",
            ]
        case .dash, .ash:
            common + ["export PS2 PS1; env", "eval \"echo \\\"$PS2\\\"\"", "type __b __e"]
        case .mksh: common + ["typeset", "typeset -f", "fc -l -100 || true", "export PS2 __Q; env"]
        case .zsh:
            common + [
                "typeset", "functions", "fc -l -100 || true", "history", "print -P \"$PS1\"",
                "print -P \"$PS2\"", "f() { print -rP \"$PS1\"; }; f; unset -f f",
                "print -rl -- $history || true", "PS4=$PS1; set -x; echo hi; set +x; PS4='+ '",
                "which __k; whence -f __o", "printf %s \"${(%%)PS1}\"",
                "setopt xtrace; print -P \"$PS1\"; unsetopt xtrace",
            ]
        case .fish:
            [
                "set", "set --show", "functions __p __b __k __e __v", "fish_prompt", "history",
                "env", "functions --all; true",
            ]
        case .tcsh: ["set", "alias", "history", "env", "echo $prompt:q", "setenv"]
        }
    }

    @Test(arguments: TestShell.installed)
    @IO func `a list is output like any other, and has no nonce`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let nonce = session.console.shell.nonce
        let halves = nonce.halves.map { String(decoding: $0, as: UTF8.self) }
        for code in Self.codes(shell) {
            let result = try await session.run(code)
            #expect(result.state == .done && result.exitCode == 0, "\(code): \(result)")
            for half in halves { #expect(!result.output.contains(half), "\(code)") }
            let after = try await session.run("echo ok")
            #expect(after.output == "ok\n" && after.note == nil, "\(code): \(after)")
        }
        let log = session.log.bytes(session.log.start..<session.log.end)
        let text = String(decoding: log, as: UTF8.self)
        for half in halves { #expect(!text.contains(half)) }
        let list = FileManager.default.contents(atPath: home.file("list")) ?? Data()
        #expect(!String(decoding: list, as: UTF8.self).contains(nonce.text))
    }

    /// These print the prompt for more then.
    @Test(arguments: [TestShell.bash, .mksh].filter(\.isInstalled))
    @IO func `read goes on where its line ends in a backslash`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let asked = try await session.run("read x; echo \"<$x>\"")
        #expect(asked.state == .lineInput, "\(asked)")
        let more = try await session.send(
            text: "a\\", keys: [], enter: true, wait: .seconds(10), maxBytes: 1000)
        #expect(more.state == .lineInput, "\(more)")
        let end = try await session.send(
            text: "b", keys: [], enter: true, wait: .seconds(10), maxBytes: 1000)
        #expect(end.state == .done && end.output.hasSuffix("<ab>\n"), "\(end)")
    }

    @Test(.needs("bash")) @IO func `a list in a shell inside has the nonce of neither`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.dash, home: home)
        defer { session.close() }
        let outer = session.console.shell.nonce
        let started = try await session.run("bash --norc")
        #expect(started.hasLostMarks, "\(started)")
        _ = try await session.adopt(wait: .seconds(20), maxBytes: 1000)
        let inner = session.console.shell.nonce
        #expect(inner != outer)
        for code in ["set", "declare -p", "set -o history; history", "echo \"$PS1\"", "env"] {
            let result = try await session.run(code)
            #expect(result.state == .done && result.exitCode == 0, "\(code): \(result)")
        }
        #expect(try await session.run("echo \(outer.text)").output == "[nonce][nonce]\n")
        _ = try await session.run("exit")
        #expect(try await session.run("set").exitCode == 0)
        let log = session.log.bytes(session.log.start..<session.log.end)
        for half in inner.halves + outer.halves {
            let isOuter = outer.halves.contains(half)
            #expect(log.firstRange(of: half) == nil, "\(isOuter ? "outer" : "inner")")
        }
    }

    static let prompts: [(shell: TestShell, code: String)] = [
        (.bash, "echo \"${PS1@P}\""), (.bash, "echo \"${PS2@P}\""),
        (.bash, "f() { echo \"${PS1@P}\"; }; f"),
        (.zsh, "print -P \"$PS1\""), (.zsh, "print -P \"$PS2\""),
        (.fish, "fish_prompt"),
    ].filter { $0.0.isInstalled }

    @Test(arguments: prompts)
    @IO func `a command that prints the prompt goes on`(
        prompt: (shell: TestShell, code: String)
    ) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(prompt.shell, home: home)
        defer { session.close() }
        let result = try await session.run("\(prompt.code); echo next; read x; echo \"<$x>\"")
        #expect(result.state == .lineInput, "\(result)")
        let end = try await session.send(
            text: "a", keys: [], enter: true, wait: .seconds(20), maxBytes: 1000)
        #expect(end.state == .done && end.exitCode == 0, "\(end)")
        #expect(end.output.hasSuffix("<a>\n"), "\(end)")
        // The prompt that the shell shows still ends what has no other mark.
        _ = try await session.run("sleep 60", wait: .milliseconds(300))
        let stopped = try await session.press("ctrl-c", wait: .seconds(10))
        #expect(stopped.state == .aborted && stopped.signal == "INT", "\(stopped)")
        let bad = try await session.run("\(prompt.code); sh -c 'kill -INT $PPID'; echo no")
        #expect(bad.state == .aborted || bad.exitCode == 0, "\(bad)")
        #expect(try await session.run("echo ok").output == "ok\n")
    }
}
