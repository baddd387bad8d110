// Programs that ask the terminal something and wait for the answer, really started.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsReplyTests {
    /// A program that asks in raw mode, as crossterm and fish do, and prints what it gets within 5
    /// s.
    static let asker = """
        import os, select, sys, termios, tty
        old = termios.tcgetattr(0)
        tty.setraw(0)
        os.write(1, sys.argv[1].encode().decode('unicode_escape').encode())
        got = b''
        end = sys.argv[2].encode().decode('unicode_escape').encode()
        while not got.endswith(end) and select.select([0], [], [], 5)[0]: got += os.read(0, 99)
        termios.tcsetattr(0, termios.TCSADRAIN, old)
        print(ascii(got.decode()))
        """

    static let questions: [(String, String, String)] = [
        (#"\x1b[6n"#, "R", #"'\x1b[2;1R'"#),
        (#"one\x1b[6ntwo"#, "R", #"onetwo'\x1b[2;4R'"#),
        (#"\x1b[5n"#, "n", #"'\x1b[0n'"#),
        (#"\x1b[c"#, "c", #"'\x1b[?1;2c'"#),
        (#"\x1b[>c"#, "c", #"'\x1b[>0;100;0c'"#),
        (#"\x1b]11;?\x07"#, #"\x07"#, #"'\x1b]11;rgb:0000/0000/0000\x07'"#),
        (#"\x1b[?2004$p"#, "y", #"'\x1b[?2004;2$y'"#),
        (#"\x1b[>q"#, #"\\"#, #"'\x1bP>|Homeline\x1b\\'"#),
        (#"\x1b[?u\x1b[c"#, "c", #"'\x1b[?1;2c'"#),
    ]

    @Test(.needs("python3")) @IO func `each is answered, and the next command runs`() async throws {
        let home = try TemporaryDirectory()
        _ = try home.write(Self.asker, to: "ask.py")
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        for (question, end, answer) in Self.questions {
            // The first line of the screen, whatever came before.
            let code = "printf '\\033[2J\\033[H'; echo; python3 ask.py '\(question)' '\(end)'"
            let result = try await session.run(code)
            #expect(result.state == .done)
            #expect(result.output.contains(answer), "\(question): \(result.output)")
            #expect(try await session.run("echo ok").output == "ok\n")
        }
    }

    @Test(arguments: [TestShell.bash, .zsh, .mksh].filter(\.isInstalled))
    @IO func `a shell that reads the answer itself gets it`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let read = shell == .zsh ? "read -s -d R x" : "IFS= read -r -d R x"
        let code = shell == .mksh ? "bash -c 'printf \"\\033[6n\"; read -rsd R x; echo ${#x}'" : nil
        let result = try await session.run(code ?? "printf '\\033[6n'; \(read); echo ${#x}")
        #expect(result.state == .done)
        #expect(result.output.contains("5\n"))
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(arguments: TestShell.installed)
    @IO func `what only prints questions is not answered`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        _ = try home.write("a\u{1b}[6n\u{1b}[c\u{1b}]11;?\u{7}\u{1b}[5n", to: "f")
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for code in ["cat f", "cat f; cat f; sleep 0.5; cat f"] {
            let result = try await session.run(code)
            #expect(result.state == .done && result.output.allSatisfy { $0 == "a" }, "\(code)")
            #expect(try await session.run("echo ok").output == "ok\n")
            let typed = try await session.send(
                text: "echo typed", keys: [], enter: true, wait: .seconds(5), maxBytes: 1000)
            #expect(typed.output.hasSuffix("typed\n") && !typed.output.contains("not found"))
        }
        _ = try await session.run("cat f; read x; echo \"<$x>\"", wait: .milliseconds(300))
        let answer = try await session.send(
            text: "yes", keys: [], enter: true, wait: .seconds(5), maxBytes: 1000)
        #expect(shell == .fish || shell == .tcsh || answer.output.contains("<yes>"))
    }

    @Test @IO func `where nobody shows who reads, an answer leaves no trace`() async throws {
        let home = try TemporaryDirectory()
        _ = try home.write("a\u{1b}[6n", to: "f")
        let session = try await openSession(
            .bash, home: home,
            through: {
                let shell = ProbedShell($0)
                shell.answers = 0
                return shell
            })
        defer { session.close() }
        // It may be answered while the script sleeps; the answer then waits in the terminal.
        #expect(try await session.run("cat f; sleep 1").state == .done)
        #expect(try await session.run("echo ok").output == "ok\n")
        #expect(try await session.run("cat f; sleep 1").state == .done)
        let typed = try await session.send(
            text: "echo typed", keys: [], enter: true, wait: .seconds(5), maxBytes: 1000)
        #expect(typed.output.hasSuffix("typed\n") && !typed.output.contains("not found"))
    }

    @Test @IO func `a shell that asks before its first prompt is answered`() async throws {
        let nonce = Nonce()
        let fake = FakeShell(nonce: nonce, seed: 1)
        fake.output = nil
        let session = Session(
            id: "s", owner: "o", target: "a/b", nonce: nonce, transport: fake,
            log: OutputLog(of: "test"), isPersistent: false, idleTimeout: .seconds(1))
        let opening = IO.task { try? await session.open(within: .seconds(5)) }
        #expect(await holds { !fake.written.isEmpty })
        fake.onOutput?(Array("Welcome\u{1b}[?u\u{1b}[c".utf8))
        let answer = Array("\u{1b}[?1;2c".utf8)
        #expect(await holds { fake.written.suffix(answer.count).elementsEqual(answer) })
        session.close()
        await opening.value
    }

    @Test @IO func `a screen made from older output answers nothing again`() async throws {
        let (session, fake) = try await SessionsFakeTests().open(7)
        fake.output = Array("\u{1b}[6n\u{1b}[c".utf8)
        #expect(try await session.run("x").state == .done)
        fake.output = nil
        let written = fake.written.count
        _ = try await session.run("y", wait: .zero)
        let typed = fake.written.count
        #expect(typed > written)
        fake.onOutput?(Array("\u{1b}[2Jdrawn".utf8))
        _ = try await session.readScreen(offset: nil, wait: .zero, maxBytes: 1000)
        try await IO.sleep(for: .milliseconds(600))
        #expect(fake.written.count == typed)
    }
}
