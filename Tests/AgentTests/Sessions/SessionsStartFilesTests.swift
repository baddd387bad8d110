// People's own set-ups: traps, aliases, time limits around shells inside shells. None of them may
// fire on, or be in the way of, what Homeline types.
import Glibc
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(2))) struct SessionsStartFilesTests {
    /// A shell that changes the modes of its terminal may drop what was typed before.
    @Test(arguments: [TestShell.bash, .fish].filter(\.isInstalled))
    @IO func `lines of set-up that the shell never read are typed again`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home) {
            let transport = ProbedShell($0)
            // The question, the first line of set-up, and its last one.
            transport.drops = [
                "$PPID", shell == .fish ? "__s 298" : "__s=298", shell == .fish ? "__s 0" : "__s=0",
            ]
            return transport
        }
        defer { session.close() }
        #expect(try await session.run("echo ok").output == "ok\n")
        #expect(try await session.run("false").exitCode == 1)
    }

    /// A busy host shows the shell, and is then too slow for any question until the deadline.
    @Test(arguments: [TestShell.bash, .dash, .zsh].filter(\.isInstalled))
    @IO func `a kernel that falls silent does not hold up a login`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let start = IO.now
        let session = try await openSession(shell, home: home) {
            let transport = ProbedShell($0)
            (transport.showsLogin, transport.answers) = (true, 0)
            return transport
        }
        defer { session.close() }
        #expect(!session.isAtLogin && IO.now - start < .seconds(30))
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(arguments: [TestShell.bash, .zsh, .mksh].filter(\.isInstalled))
    @IO func `a trap on errors fires for the user's commands alone`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let name = shell == .zsh ? "ZERR" : "ERR"
        for mode in ["", "set -E"] where mode.isEmpty || shell == .bash {
            #expect(try await session.run("\(mode)\ntrap 'echo sprung' \(name)").state == .done)
            let failed = try await session.run("false")
            #expect(failed.output == "sprung\n" && failed.exitCode == 1, "\(failed)")
            let next = try await session.run("echo prev=$?")
            #expect(next.output == "prev=1\n")
            #expect(next.note == nil, "\(next)")
            #expect(try await session.run("(exit 7)").output == "sprung\n")
            #expect(try await session.run("export A=1; echo $A").output == "1\n")
            #expect(try await session.run("trap - \(name)").output == "")
        }
    }

    @Test(.needs("tcsh"))
    @IO func `aliases of tcsh's own words do not keep a session from opening`() async throws {
        let home = try TemporaryDirectory()
        let words = ["set", "unset", "eval", "setenv", "if", "exec", "echo", "printf"]
        let text = words.map { "alias \($0) 'echo no \($0)'\n" }.joined()
        try home.write(text + "alias ll 'ls -l'\n", to: ".tcshrc")
        let session = try await openSession(.tcsh, home: home)
        defer { session.close() }
        #expect(session.shellName == "tcsh")
        #expect(try await session.run("set a = 5; echo $a").output == "5\n")
        #expect(try await session.run("alias ll").output == "ls -l\n")
        #expect(try await session.run("sh -c 'exit 3'").exitCode == 3)
    }

    @Test(arguments: [true, false])
    @IO func `the time limit of a command holds while a shell in it is adopted`(runs: Bool)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let outer = try await session.run(
            "bash --norc", wait: .seconds(10), timeout: .seconds(600), maxBytes: 1000)
        #expect(outer.hasLostMarks, "\(outer)")
        #expect(try await session.adopt().depth == 1)
        let command = try #require(session.console.shells.first?.command)
        if runs {
            #expect(try await session.run("sleep 600", wait: .milliseconds(300)).state == .running)
        }
        // The time is over.
        session.console.interrupt(command)
        if runs {
            #expect(await holds { !session.isRunning })
            let inner = session.describe(session.command)
            #expect(inner.state == .aborted && inner.note?.contains("timeout_s") == true)
        }
        #expect(try await session.run("echo in").output == "in\n")
        let left = try await session.run("exit 4")
        #expect(left.exitCode == 4 && left.commandID == outer.commandID, "\(left)")
        #expect(left.note?.contains("timeout_s passed") == true, "\(left)")
    }
}
