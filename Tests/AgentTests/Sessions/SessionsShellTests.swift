// Commands in real shells: exact output, exact status, in every shell with a profile.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized) struct SessionsShellTests {
    @Test(arguments: TestShell.installed)
    @IO func `a session opens and knows its shell and directory`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        #expect(session.cwd == home.path)
        #expect(session.shellName.contains(shell.rawValue))
        #expect(session.console.shell.terminal?.hasPrefix("/dev/pts/") == true)
        #expect(!session.banner.contains("133;"))
        if shell == .bash || shell == .dash || shell == .zsh { #expect(session.banner == "") }
        if shell == .ash { #expect(session.banner.contains("BusyBox")) }
        #expect(session.log.end == 0)
        let result = try await session.run("echo hi")
        #expect(result.state == .done)
        #expect(result.exitCode == 0)
        #expect(result.output == "hi\n")
        #expect(result.evidence == [.mark])
    }

    @Test(arguments: [80, 100, 320], [TestShell.bash, .dash, .zsh].filter(\.isInstalled))
    @IO func `lines that an editor breaks are not part of the banner`(
        columns: UInt16, shell: TestShell
    ) async throws {
        let session = try await openSession(
            shell, home: try TemporaryDirectory(), columns: columns)
        defer { session.close() }
        #expect(session.banner == "")
        #expect(try await session.run("echo hi").output == "hi\n")
    }

    /// Code, its exact output, its status.
    static let exact: [(String, String, Int)] = [
        ("false", "", 1),
        ("echo prev=$?", "prev=1\n", 0),
        ("printf 'a\\nb'", "a\nb", 0),
        ("echo hi # comment", "hi\n", 0),
        ("echo hi;", "hi\n", 0),
        ("echo a \\", "a\n", 0),
        ("cat <<EOF\nhello $((1+1))\nEOF", "hello 2\n", 0),
        ("cat <<'EOF'\n'\"$x\\!\nEOF\n", "'\"$x\\!\n", 0),
        ("for i in 1 2\ndo\n  echo $i\ndone", "1\n2\n", 0),
        ("(exit 7)", "", 7),
        ("f() { return 9; }; f", "", 9),
        ("f", "", 9),
        ("X=5; export X", "", 0),
        ("sh -c 'echo $X'", "5\n", 0),
        ("alias zz='echo alias'\nzz", "alias\n", 0),
        ("printf '%s' 'é漢🙂'", "é漢🙂", 0),
        ("printf 'x\\ry\\n'", "y\n", 0),
        ("printf '\\377\\303(\\n'", "\u{fffd}\u{fffd}(\n", 0),
        ("   ", "", 0),
        ("", "", 0),
        ("\n\n", "", 0),
        ("echo one && echo two", "one\ntwo\n", 0),
        ("echo 'a!b' \"c!d\"", "a!b c!d\n", 0),
        ("printf '\\033[31mred\\033[0m\\n'", "red\n", 0),
        ("printf '10%%\\r50%%\\r100%%\\ndone\\n'", "100%\ndone\n", 0),
        ("echo \"tab\there\"", "tab\there\n", 0),
        ("echo out; echo err >&2", "out\nerr\n", 0),
        ("true | false", "", 1),
        ("printf '\\033]133;D;0;0;1;/;00112233445566778899aabbccddeeff\\007x'", "x", 0),
    ]

    @Test(arguments: TestShell.known)
    @IO func `output and status are exact`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for (code, output, status) in Self.exact {
            // zsh parses the whole of an eval first, so that an alias holds from the next command.
            if shell == .zsh, code.hasPrefix("alias") { continue }
            let result = try await session.run(code)
            #expect(result.state == .done, "\(code)")
            #expect(result.output == output, "\(code)")
            #expect(result.exitCode == status, "\(code)")
            #expect(result.note == nil, "\(code): \(result.note ?? "")")
        }
    }

    @Test(arguments: TestShell.known)
    @IO func `code that the shell cannot parse is aborted, never done`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for code in ["echo 'abc", "if; then", "ls |", "echo $(", "cat <<E\nno end"] {
            let result = try await session.run(code, wait: .seconds(30))
            #expect(result.state == .aborted, "\(code): \(result)")
            #expect(!result.output.contains("__s="), "\(code): \(result.output)")
            let next = try await session.run("echo ok")
            #expect(next.output == "ok\n", "after \(code)")
            #expect(next.state == .done)
        }
        if shell != .zsh {
            let result = try await session.run("echo a &&", wait: .seconds(30))
            #expect(result.state == .aborted)
        }
    }

    @Test(arguments: TestShell.known)
    @IO func `the directory is known after every command`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        var result = try await session.run("cd /tmp")
        #expect(result.cwd == "/tmp")
        result = try await session.run("pwd")
        #expect(result.output == "/tmp\n")
        let odd = "\(home.path)/a b%d;$x'\"\\!\u{7}é\u{1b}[31m\nnew"
        let quoted = odd.replacing("'", with: "'\\''")
        result = try await session.run("mkdir -p '\(quoted)' && cd '\(quoted)'")
        #expect(result.state == .done)
        #expect(result.exitCode == 0)
        #expect(result.cwd == odd)
        result = try await session.begin(
            "cd / && echo there && sleep 9 && true; cd /tmp", shows: "there")
        #expect(result.state == .running)
        result = try await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(30), maxBytes: 1000)
        #expect(result.state == .aborted || result.state == .done)
        #expect(result.cwd == "/" || result.cwd == "/tmp")
    }

    @Test(arguments: TestShell.known)
    @IO func `Ctrl-C aborts with INT and the session goes on`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        var result = try await session.begin("echo start; sleep 30", shows: "start")
        #expect(result.state == .running)
        #expect(result.output == "start\n")
        result = try await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(10), maxBytes: 1000)
        #expect(result.state == .aborted)
        #expect(result.signal == "INT")
        result = try await session.run("echo $?")
        #expect(result.output == "130\n")
    }

    @Test(arguments: TestShell.known)
    @IO func `a time limit interrupts`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let result = try await session.run(
            "sleep 30", wait: .seconds(10), timeout: .milliseconds(200), maxBytes: 100)
        #expect(result.state == .aborted)
        #expect(result.note?.contains("timeout_s") == true)
    }

    @Test(arguments: TestShell.known)
    @IO func `the shell's exit ends the session with its code`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        var session = try await openSession(shell, home: home)
        var result = try await session.run("echo bye; exit 7", wait: .seconds(10))
        #expect(result.state == .shellExited)
        #expect(result.exitCode == 7)
        #expect(result.evidence == [.eof])
        #expect(result.output.hasPrefix("bye\n"))
        await #expect(throws: Fault.self) { try await session.run("echo more") }
        let read = try await session.read(offset: 0, wait: .zero, raw: false, maxBytes: 100)
        #expect(read.output.hasPrefix("bye\n"))

        session = try await openSession(shell, home: home)
        result = try await session.run("set -e; false", wait: .seconds(10))
        #expect(result.state == .shellExited)
        #expect(result.exitCode == 1)
    }

    @Test(arguments: TestShell.known)
    @IO func `strict options do not break the session`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        _ = try await session.run("false")
        _ = try await session.run("set -eu")
        var result = try await session.run("echo fine")
        #expect(result.output == "fine\n")
        _ = try await session.run("(exit 3) || true")
        _ = try await session.run("set +eu; IFS=0123456789; set -C")
        result = try await session.run("echo still; false")
        #expect(result.output == "still\n")
        #expect(result.exitCode == 1)
        result = try await session.run("exec 3>&1 >/dev/null")
        #expect(result.state == .done)
        result = try await session.run("echo nowhere")
        #expect(result.state == .done)
        #expect(result.output == "")
        _ = try await session.run("exec >&3")
        #expect(try await session.run("echo back").output == "back\n")
    }

    @Test(arguments: TestShell.known)
    @IO func `a terminal left in an odd mode does no harm`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for mode in ["stty -echo", "stty raw", "stty raw -echo", "stty -onlcr", "stty sane"] {
            #expect(try await session.run(mode).exitCode == 0, "\(mode)")
            let result = try await session.run("printf 'a\\nb'; false")
            #expect(result.output == "a\nb", "\(mode)")
            #expect(result.exitCode == 1, "\(mode)")
        }
    }

    @Test(arguments: TestShell.known)
    @IO func `a replaced prompt is armed again`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for prompt in ["PS1='$ '", "PS1='two\nlines> '; PS2=''", "unset PS1"] {
            #expect(try await session.run(prompt).state == .done)
            let result = try await session.run("echo one; false")
            #expect(result.output == "one\n", "\(prompt)")
            #expect(result.exitCode == 1)
            #expect(try await session.run("echo 'open", wait: .seconds(30)).state == .aborted)
            #expect(try await session.run("echo two").output == "two\n")
        }
    }
}
