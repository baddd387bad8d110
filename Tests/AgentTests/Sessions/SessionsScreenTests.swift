// Full-screen programs, really started: what they draw is seen, keys reach them, and the session is
// clean when they are gone.
import Glibc
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsScreenTests {
    /// A session of 100 × 24 in a fresh home.
    @IO static func open(_ home: TemporaryDirectory) async throws -> Session {
        let session = try await openSession(.bash, home: home)
        session.resize(columns: 100, rows: 24)
        return session
    }

    /// The screen once it holds what is looked for.
    @IO static func see(
        _ session: Session, _ isRight: (ScreenView) -> Bool
    ) async throws -> ScreenView? {
        try await eventually {
            let result = try await session.readScreen(offset: nil, wait: .zero, maxBytes: 100_000)
            guard let screen = result.screen, isRight(screen) else { return nil }
            return screen
        }
    }

    @IO static func press(
        _ session: Session, _ text: String = "", _ keys: String..., enter: Bool = false,
        wait: Duration = .milliseconds(50)
    ) async throws -> CommandResult {
        try await session.send(
            text: text, keys: keys, enter: enter, wait: wait, maxBytes: 10_000)
    }

    @IO static func edit(_ session: Session) async throws {
        var result = try await session.run("echo before; vim -u NONE -N f; echo after")
        #expect(result.state == .fullscreen)
        #expect(result.foreground == "vim")
        #expect(result.output == "before\n")
        var screen = try #require(await see(session) { $0.rows.contains("~") })
        #expect(screen.isAlternate && screen.rowCount == 24 && screen.columns == 100)
        #expect(screen.modes.contains("bracketed_paste"))
        // With auto-indent, lines that are typed instead of pasted would move to the right.
        _ = try await press(session, ":set autoindent", enter: true)
        _ = try await press(session, "i")
        _ = try await press(session, "one\n  two\n    three", "esc")
        screen = try #require(await see(session) { $0.rows.starts(with: ["one", "  two"]) })
        #expect(screen.rows[2] == "    three")
        _ = try await press(session, "", "up", "up", "home")
        screen = try #require(await see(session) { $0.cursorRow == 0 && $0.cursorColumn == 0 })
        session.resize(columns: 60, rows: 10)
        screen = try #require(
            await see(session) { $0.rows.filter { $0 == "~" }.count == 6 && $0.rowCount == 10 })
        #expect(screen.rows.starts(with: ["one", "  two", "    three", "~"]))
        result = try await press(session, ":wq", enter: true, wait: .seconds(10))
        #expect(result.state == .done)
        result = try await session.read(
            offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 10_000)
        #expect(result.output == "before\nafter\n")
        let raw = try await session.read(
            offset: session.command?.begin, wait: .zero, raw: true, maxBytes: 100_000)
        #expect(raw.output.contains("[?1049h"))
        #expect(
            try await session.run("cat f; stty size").output == "one\n  two\n    three\n10 60\n")
    }

    @Test(.needs("vim")) @IO func `vim`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        try await Self.edit(session)
        let screen = try #require(await Self.see(session) { !$0.isAlternate })
        #expect(screen.modes == [])
    }

    @Test(.needs("vim")) @IO func `vim over SSH`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .bash))
        let (session, link) = try await SessionsOverSSHTests.open(server)
        defer { link.close() }
        session.resize(columns: 100, rows: 24)
        let home = try TemporaryDirectory()
        _ = try await session.run("cd '\(home.path)'")
        try await Self.edit(session)
    }

    @Test(.needs("less")) @IO func `less`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        _ = try await session.run("seq 1 200 > numbers")
        let begun = try await session.run("less numbers")
        #expect(begun.state == .fullscreen)
        let first = try #require(await Self.see(session) { $0.rows.first == "1" })
        #expect(first.rows.starts(with: (1...23).map(String.init)))
        _ = try await Self.press(session, "", "page-down")
        #expect(try await Self.see(session) { $0.rows.first == "24" } != nil)
        _ = try await Self.press(session, "", "up")
        #expect(try await Self.see(session) { $0.rows.first == "23" } != nil)
        let result = try await Self.press(session, "", "q", wait: .seconds(10))
        #expect(result.state == .done)
        let text = try await session.read(
            offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 10_000)
        #expect(text.output == "")
    }

    @Test(.needs("top")) @IO func `top`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        let begun = try await session.run("top -d 1; echo one; echo two")
        #expect(begun.state == .fullscreen)
        let screen = try #require(
            await Self.see(session) { $0.rows.contains { $0.contains("load average") } })
        #expect(screen.rows.first?.hasPrefix("top - ") == true)
        #expect(screen.rows.contains { $0.contains("PID") && $0.contains("COMMAND") })
        let result = try await Self.press(session, "", "q", wait: .seconds(10))
        #expect(result.state == .done)
        // top leaves the main screen as it is: what follows are lines again.
        #expect(result.output == "one\ntwo\n", "\(result.output.debugDescription)")
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    /// What draws, on the main screen or the alternate one, and how it is left.
    static let drawing = [
        ("top", "echo before; top -d 1", "q"), ("watch", "echo before; watch -n 1 date", "ctrl-c"),
        ("python3", "echo before; python3 draw.py", "q"),
    ]
    /// Draws without the keypad's modes, as small programs do.
    static let drawer = """
        import os, sys, termios, tty
        old = termios.tcgetattr(0)
        tty.setraw(0)
        os.write(1, b'\\x1b[2J' + b''.join(b'\\x1b[%d;1Hpicture %d' % (i, i) for i in range(1, 20)))
        os.read(0, 1)
        termios.tcsetattr(0, termios.TCSADRAIN, old)
        print('after')
        """

    @Test(arguments: drawing.filter { Need.program($0.0).isMet })
    @IO func `a drawing program's answers carry the screen, not the drawing`(
        _ name: String, code: String, key: String
    ) async throws {
        let home = try TemporaryDirectory()
        _ = try home.write(Self.drawer, to: "draw.py")
        let session = try await Self.open(home)
        defer { session.close() }
        var result = try await session.run(code)
        #expect(result.state == .fullscreen)
        #expect(result.output == "before\n")
        #expect(result.screen.map { $0.rows.count > 1 } == true)
        result = try await session.read(
            offset: nil, wait: .milliseconds(1500), goal: .output, raw: false, maxBytes: 10_000)
        #expect(result.output == "" && result.screen != nil)
        result = try await Self.press(session, "", key, wait: .seconds(10))
        #expect(await holds { !session.isRunning })
        result = try await session.read(
            offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 100_000)
        #expect(result.output.hasPrefix("before\n") && result.output.utf8.count < 200)
        #expect(result.screen == nil)
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(.needs("tmux")) @IO func `tmux`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        let tmux = "tmux -S '\(home.path)/socket' -f /dev/null"
        let begun = try await session.run("SHELL=/bin/dash \(tmux) new-session -s inner")
        #expect(begun.state == .fullscreen, "\(begun)")
        #expect(
            try await Self.see(session) { $0.rows.last?.hasPrefix("[inner]") == true } != nil)
        _ = try await Self.press(session, "echo in-$((1+1))", enter: true)
        #expect(try await Self.see(session) { $0.rows.contains("in-2") } != nil)
        // tmux's server ends first: until it says so, the program on this terminal still draws.
        _ = try await Self.press(session, "exit", enter: true, wait: .seconds(10))
        #expect(await holds { !session.isRunning })
        let text = try await session.read(
            offset: session.command?.begin, wait: .zero, raw: false, maxBytes: 10_000)
        #expect(text.state == .done)
        #expect(text.output.contains("[exited]"))
        #expect(!text.output.contains("in-2"))
    }

    @Test(.needs("python3")) @IO func `python3's prompt`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        let begun = try await session.run("python3 -q")
        #expect(begun.state == .lineInput)
        #expect(begun.prompt == ">>> ")
        #expect(try await Self.see(session) { $0.rows.last == ">>>" } != nil)
        _ = try await Self.press(session, "40 + 2", enter: true)
        let screen = try #require(await Self.see(session) { $0.rows.contains("42") })
        #expect(screen.rows.suffix(3) == [">>> 40 + 2", "42", ">>>"])
        #expect(screen.cursorColumn == 4)
        _ = try await Self.press(session, "", "up", "backspace", "3", "enter")
        #expect(try await Self.see(session) { $0.rows.contains("43") } != nil)
        let result = try await Self.press(session, "exit()", enter: true, wait: .seconds(10))
        #expect(result.state == .done)
    }

    @Test @IO func `what a program left on is off at the prompt`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        let left = try await session.begin(
            #"printf 'a\n\033]2;T\007\033[?1049h\033[?1000h\033[?2004h\033[?1hjunk'; sleep 30"#,
            shows: "a\n")
        #expect(left.output == "a\n")
        var screen = try #require(await Self.see(session) { $0.isAlternate })
        #expect(screen.title == "T")
        #expect(screen.modes == ["bracketed_paste", "application_cursor_keys", "mouse_click"])
        _ = try await Self.press(session, "", "ctrl-c", wait: .seconds(10))
        #expect(try await session.run("echo b").output == "b\n")
        screen = try #require(await Self.see(session) { !$0.isAlternate })
        #expect(screen.modes == [] && screen.title == "")
        #expect(screen.rows.contains("b") && !screen.rows.contains { $0.contains("junk") })
        let text = try await session.read(
            offset: left.offset, wait: .zero, raw: false, maxBytes: 1000)
        #expect(text.output.hasPrefix("a\n") && text.output.hasSuffix("b\n"))
        #expect(!text.output.contains("junk"))
    }

    @Test @IO func `lines make a screen too, and a wait sees the next change`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        let begun = try await session.begin(
            "seq 1 30; sleep 1; printf '50%%\\r99%%'; sleep 30", shows: "30\n")
        let result = try await session.readScreen(
            offset: begun.nextOffset, wait: .seconds(10), maxBytes: 1000)
        #expect(result.screen?.rows.first == "8")
        #expect(result.screen?.rows.last == "99%")
        #expect(result.output == "" && result.nextOffset == session.log.end)
        #expect(result.state == .running)
        let short = try await session.readScreen(offset: nil, wait: .zero, maxBytes: 7)
        #expect(short.isTruncated && short.screen?.rows == ["8", "9", "10"])
        await #expect(throws: Fault.self) {
            try await session.readScreen(offset: 1 << 40, wait: .zero, maxBytes: 7)
        }
    }

    @Test @IO func `an unknown key names the nearest`() async throws {
        let home = try TemporaryDirectory()
        let session = try await Self.open(home)
        defer { session.close() }
        do throws(Fault) {
            _ = try session.keyboard.bytes("", ["pagedwn"], false)
            Issue.record("no fault")
        } catch {
            #expect(error.code == .invalidArgument && error.message.contains("\"pagedown\""))
        }
    }
}
