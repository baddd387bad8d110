// tcsh as a shell of its own: what the other shells' tests ask for, in tcsh's language.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .needs("tcsh"), .timeLimit(.minutes(3)))
struct SessionsTcshTests {
    /// Code, its exact output, its status.
    static let exact: [(String, String, Int)] = [
        ("echo hi", "hi\n", 0),
        ("false", "", 1),
        ("echo prev=$status", "prev=1\n", 0),
        ("printf 'a\\nb'", "a\nb", 0),
        ("echo hi;", "hi\n", 0),
        ("echo a \\", "a\n", 0),
        ("foreach i (1 2)\n  echo $i\nend", "1\n2\n", 0),
        ("if (1 == 2) then\necho no\nelse\necho yes\nendif", "yes\n", 0),
        ("cat <<E\nhello\nE", "hello\n", 0),
        ("sh -c 'exit 130'", "", 130),
        ("echo $status", "130\n", 0),
        ("set x = (a 'b c'); echo \"$x[2]\" $#x", "b c 2\n", 0),
        ("setenv X 5", "", 0),
        ("sh -c 'echo $X'", "5\n", 0),
        ("alias zz 'echo alias'\nzz", "alias\n", 0),
        ("printf '%s' 'é漢🙂'", "é漢🙂", 0),
        ("echo 'é  漢' ; echo plain\necho \"🙂'\"", "é  漢\nplain\n🙂'\n", 0),
        ("printf '\\377\\303(\\n'", "\u{fffd}\u{fffd}(\n", 0),
        ("   ", "", 0),
        ("", "", 0),
        ("\n\n", "", 0),
        ("echo one && echo two", "one\ntwo\n", 0),
        (
            "echo 'a!b' \"c!d\" '!!' q\\'q back\\\\slash '`\"$'",
            "a!b c!d !! q'q back\\slash `\"$\n", 0
        ),
        ("echo \"tab\there\"", "tab\there\n", 0),
        ("sh -c 'echo out; echo err >&2'", "out\nerr\n", 0),
        ("true | false", "", 1),
        ("nosuchcommand", "nosuchcommand: Command not found.\n", 1),
        ("set echo_style=sysv", "", 0),
        ("echo 'a\\tb'", "a\tb\n", 0),
    ]

    @Test @IO func `tcsh stays tcsh, and output and status are exact`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.tcsh, home: home)
        defer { session.close() }
        #expect(session.shellName == "tcsh")
        #expect(session.cwd == home.path)
        #expect(session.banner == "")
        #expect(session.log.end == 0)
        for (code, output, status) in Self.exact {
            let result = try await session.run(code)
            #expect(result.state == .done, "\(code)")
            #expect(result.output == output, "\(code)")
            #expect(result.exitCode == status, "\(code)")
            #expect(result.evidence == [.mark])
            #expect(result.note == nil, "\(code): \(result.note ?? "")")
        }
    }

    @Test @IO func `an error ends tcsh's command and is told`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.tcsh, home: home)
        defer { session.close() }
        for code in [
            "cd /nowhere", "echo $nothing; echo after", "echo 'abc", "echo (", "ls |", "echo a &&",
            "foreach i (1 2)", "@ x = 3 +",
        ] {
            let result = try await session.run(code)
            #expect(result.state == .done, "\(code): \(result)")
            #expect(result.exitCode == 1, "\(code)")
            #expect(result.note?.contains("gave up") == true, "\(code)")
            #expect(!result.output.contains("__s"), "\(code): \(result.output)")
        }
        let open = try await session.run("cat <<E\nno end")
        #expect(open.state == .aborted || open.note != nil, "\(open)")
        #expect(!open.output.contains("__s"), "\(open)")
        let next = try await session.run("echo ok")
        #expect(next.output == "ok\n")
        #expect(next.note == nil)
    }

    @Test @IO func `Ctrl-C aborts tcsh's command, Ctrl-Z stops it`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.tcsh, home: home)
        defer { session.close() }
        var result = try await session.begin("echo start; sleep 30", shows: "start")
        #expect(result.state == .running)
        #expect(result.output == "start\n")
        result = try await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(10), maxBytes: 1000)
        #expect(result.state == .aborted)
        #expect(result.signal == "INT" && result.exitCode == 130)
        #expect(try await session.run("echo $status").output == "130\n")
        _ = try await session.begin("echo again; sleep 30", shows: "again")
        result = try await session.send(
            text: "", keys: ["ctrl-z"], enter: false, wait: .seconds(10), maxBytes: 1000)
        #expect(result.state == .stopped, "\(result)")
        result = try await session.run("kill %1; echo over")
        #expect(result.output.contains("over\n"))
    }

    @Test @IO func `tcsh's directory is in the marks, its exit ends the session`() async throws {
        let home = try TemporaryDirectory()
        var session = try await openSession(.tcsh, home: home)
        #expect(try await session.run("cd /tmp").cwd == "/tmp")
        let odd = "\(home.path)/a b%d;$x\"\\\u{7}é\u{1b}[31m"
        let result = try await session.run("mkdir -p '\(odd)' && cd '\(odd)'")
        #expect(result.exitCode == 0)
        #expect(result.cwd == odd)
        let end = try await session.run("echo bye; exit 7")
        #expect(end.state == .shellExited)
        #expect(end.exitCode == 7)
        #expect(end.output.hasPrefix("bye\n"))
        session = try await openSession(.tcsh, home: home)
        _ = try await session.run("sh -c 'exit 9'")
        #expect(try await session.run("exit").exitCode == 9)
    }

    @Test @IO func `long code, any byte and many lines reach tcsh`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.tcsh, home: home)
        defer { session.close() }
        for size in [10, 850, 900, 2000, 30_000] {
            let count = size / 20 + 1
            let text = String(repeating: "é漢\" \tplain\nline\n", count: count)
            // tcsh starts a child for each line with other than plain bytes in it: 1,500 of them.
            let result = try await session.run(
                "cat <<E | cksum\n\(text)E", wait: .seconds(80))
            let expected = try await session.run(
                "sh -c 'x=$(printf \"%b_\" \"é漢\\\\042 \\\\tplain\\\\nline\\\\n\"); i=0; "
                    + "while [ $i -lt \(count) ]; do printf %s \"${x%_}\"; i=$((i+1)); done' | cksum"
            )
            #expect(result.output == expected.output, "\(size)")
        }
    }

    @Test(arguments: [
        "set prompt='> '; alias precmd 'echo PRE'; alias postcmd 'echo POST'",
        "set printexitvalue; set time=0; set correct=all; set autologout=1",
        "alias echo 'printf'; alias printf 'echo no'",
        "set prompt='two\nlines> '; set rprompt='%T'", "set histchars='^,'; set echo_style=none",
        "alias cwdcmd 'set prompt=\"%/> \"'; stty -echo; cd /",
        "set noclobber; set verbose; unset verbose",
    ])
    @IO func `whatever tcsh's configuration says`(configuration: String) async throws {
        let home = try TemporaryDirectory()
        try home.write(configuration.replacing("\n", with: "\\\n") + "\n", to: ".tcshrc")
        let session = try await openSession(.tcsh, home: home)
        defer { session.close() }
        #expect(session.shellName == "tcsh")
        for (code, output, status) in [
            ("cd /tmp; printf 'a b\\n'", "a b\n", 0), ("printf x; false", "x", 1),
            ("printf y", "y", 0),
        ] {
            let result = try await session.run(code)
            #expect(result.state == .done)
            #expect(result.output == output)
            #expect(result.exitCode == status)
            #expect(result.note == nil)
        }
    }

    @Test @IO func `a replaced prompt of tcsh and lines typed at it are followed`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.tcsh, home: home)
        defer { session.close() }
        _ = try await session.run("set prompt='> '")
        #expect(try await session.run("printf one; false").exitCode == 1)
        #expect(try await session.run("echo two").output == "two\n")
        let typed = try await session.send(
            text: "echo typed; false", keys: [], enter: true, wait: .seconds(10), maxBytes: 1000)
        #expect(typed.state == .done)
        #expect(typed.output == "typed\n", "\(typed)")
        #expect(typed.exitCode == 1)
    }
}
