// fish as a shell of its own: what the other shells' tests ask for, in fish's language.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .needs("fish"), .timeLimit(.minutes(3)))
struct SessionsFishTests {
    /// Code, its exact output, its status.
    static let exact: [(String, String, Int)] = [
        ("echo hi", "hi\n", 0),
        ("false", "", 1),
        ("echo prev=$status", "prev=1\n", 0),
        ("printf 'a\\nb'", "a\nb", 0),
        ("echo hi # comment", "hi\n", 0),
        ("echo hi;", "hi\n", 0),
        ("echo a \\", "a\n", 0),
        ("for i in 1 2\n  echo $i\nend", "1\n2\n", 0),
        ("sh -c 'exit 130'", "", 130),
        ("sh -c 'exit 123'", "", 123),
        ("function f; return 9; end; f", "", 9),
        ("f", "", 9),
        ("set -gx X 5", "", 9),
        ("set -l Y 6; echo $X $Y", "5 6\n", 0),
        ("sh -c 'echo $X'", "5\n", 0),
        ("printf '%s' 'é漢🙂'", "é漢🙂", 0),
        ("string length é漢🙂", "3\n", 0),
        ("printf '\\377\\303(\\n'", "\u{fffd}\u{fffd}(\n", 0),
        ("   ", "", 0),
        ("", "", 0),
        ("\n\n", "", 0),
        ("echo one && echo two", "one\ntwo\n", 0),
        ("echo 'a!b' \"c!d\" 'q\\'q' back\\\\slash", "a!b c!d q'q back\\slash\n", 0),
        ("echo \"tab\there\"", "tab\there\n", 0),
        ("echo out; echo err >&2", "out\nerr\n", 0),
        ("true | false", "", 1),
        ("nosuchcommand", "fish: Unknown command: nosuchcommand\n", 127),
        ("string repeat -n 600 x", String(repeating: "x", count: 600) + "\n", 0),
        ("functions -q fish_prompt; and type -t eval", "builtin\n", 0),
    ]

    @Test @IO func `fish stays fish, and output and status are exact`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        #expect(session.shellName == "fish")
        #expect(session.cwd == home.path)
        #expect(session.banner.hasPrefix("Welcome to fish"))
        #expect(!session.banner.contains("133;"))
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

    @Test @IO func `code that fish cannot parse is aborted 123, unfinished code is incomplete`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        for code in ["end", "echo )", "ls |", "echo a &&", "if true; echo )"] {
            let result = try await session.run(code)
            #expect(result.state == .aborted, "\(code): \(result)")
            #expect(result.exitCode == 123, "\(code)")
            #expect(result.output.contains("fish: "), "\(code)")
        }
        for code in ["if true", "echo 'abc", "echo (", "begin\necho x"] {
            let result = try await session.run(code)
            #expect(result.state == .incomplete, "\(code): \(result)")
            #expect(result.exitCode == nil)
        }
        let next = try await session.run("echo ok")
        #expect(next.output == "ok\n")
        #expect(next.note == nil)
    }

    @Test @IO func `Ctrl-C aborts fish's command with 130, Ctrl-Z is seen`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
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
        #expect(result.output.hasSuffix("over\n"))
    }

    @Test @IO func `Ctrl-Z is seen though the kernel is slow to tell`() async throws {
        let home = try TemporaryDirectory()
        let (session, shell) = try await SessionsAdoptTests.muteSession(home, .fish)
        defer { session.close() }
        #expect(try await session.run("cat").state == .lineInput)
        #expect(try await session.press("ctrl-c").state == .aborted)
        _ = try await session.begin("echo go; sleep 30", shows: "go")
        shell.answers = 0
        IO.task {
            try? await IO.sleep(for: .seconds(1))
            shell.answers = .max
        }
        let stopped = try await session.press("ctrl-z")
        #expect(stopped.state == .stopped, "\(stopped)")
    }

    @Test @IO func `fish's directory is in the marks, its exit ends the session`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        #expect(try await session.run("cd /tmp").cwd == "/tmp")
        let odd = "\(home.path)/a b%d;$x\"\u{7}é\u{1b}[31m\nnew"
        let result = try await session.run("mkdir -p '\(odd)' && cd '\(odd)'")
        #expect(result.exitCode == 0)
        #expect(result.cwd == odd)
        #expect(try await session.run("pwd | wc -l").output == "2\n")
        let end = try await session.run("echo bye; exit 7")
        #expect(end.state == .shellExited)
        #expect(end.exitCode == 7)
        #expect(end.output.hasPrefix("bye\n"))
    }

    @Test @IO func `long code, any byte and many lines reach fish`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        for size in [10, 850, 900, 2000, 30_000] {
            let text = String(repeating: "é漢'\\ \t$x\n", count: size / 10 + 1)
            let quoted = text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            let result = try await session.run("printf %s '\(quoted)' | cksum")
            let expected = try await session.run(
                "printf '%b' '"
                    + "é漢\\047\\134 \\t$x\\n" + "' | sh -c 'x=$(cat; echo _); i=0; while [ $i -lt "
                    + "\(size / 10 + 1) ]; do printf %s \"${x%_}\"; i=$((i+1)); done' | cksum")
            #expect(result.output == expected.output, "\(size)")
        }
    }

    @Test @IO func `a replaced prompt and lines typed at it are followed`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        _ = try await session.run("function fish_prompt; echo two; echo 'lines> '; end")
        #expect(try await session.run("echo one; false").exitCode == 1)
        #expect(try await session.run("echo two").output == "two\n")
        let typed = try await session.send(
            text: "echo typed; printf abc; false", keys: [], enter: true, wait: .seconds(10),
            maxBytes: 1000)
        #expect(typed.state == .done)
        #expect(typed.output == "typed\nabc", "\(typed)")
        #expect(typed.exitCode == 1)
        let next = try await session.run("echo next")
        #expect(next.output == "next\n")
        #expect(next.note == nil)
        _ = try await session.run("sh -c 'sleep 0.3; echo late' &")
        #expect(await holds { session.log.end >= typed.nextOffset + 5 + 5 })
        let after = try await session.run("echo after")
        #expect(after.output == "after\n")
        #expect(after.note?.contains("background") == true)
    }

    @Test @IO func `a program's question in fish is seen`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        for code in ["read -P 'Name? ' x; echo $x", "sh -c 'printf \"Name? \"; read x; echo $x'"] {
            var result = try await session.run(code)
            #expect(result.state == .lineInput, "\(code): \(result)")
            result = try await session.send(
                text: "Ann", keys: [], enter: true, wait: .seconds(10), maxBytes: 1000)
            #expect(result.state == .done)
            #expect(result.output.hasSuffix("Ann\n"), "\(result.output.debugDescription)")
        }
    }

    @Test(arguments: [
        "fish_vi_key_bindings", "alias printf echo; alias eval echo; alias set 'echo'",
        "function fish_prompt; echo; echo -n '> '; end; function fish_right_prompt; date; end",
        "function on --on-event fish_prompt; true; end; function fish_greeting; end",
        "abbr -a ls 'ls -l'; set -gx PAGER less", "exit_not_a_command", "stty -echo",
        "function fish_mode_prompt; echo M; end; set -g fish_color_normal red",
        "set -g fish_history work; set -U fish_features stderr-nocaret; cd /",
    ])
    @IO func `whatever fish's configuration says`(configuration: String) async throws {
        let home = try TemporaryDirectory()
        _ = try home.folder(".config/fish")
        try home.write(configuration + "\n", to: ".config/fish/config.fish")
        let session = try await openSession(.fish, home: home)
        defer { session.close() }
        #expect(session.shellName == "fish")
        for (code, output, status) in [("echo a b", "a b\n", 0), ("printf x; false", "x", 1)] {
            let result = try await session.run(code)
            #expect(result.state == .done)
            if !configuration.contains("alias") { #expect(result.output == output) }
            #expect(result.exitCode == status)
            #expect(result.note == nil)
        }
    }
}
