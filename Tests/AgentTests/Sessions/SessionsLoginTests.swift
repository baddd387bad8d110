// Logins that ask something before the shell is at its prompt, over a real sshd: nothing is typed
// to what asks, the client answers it, and the session goes on.
import Foundation
import JSON
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

/// A start-up file that asks, and how a client answers.
struct AskingLogin: CustomTestStringConvertible, Sendable {
    var shell = Shell.bash
    var name: String
    var text: String
    var state: CommandState
    var prompt: String?
    var foreground: String?
    /// What the client sends: text and Enter, `+` and a character without Enter, `!` and a secret.
    var answers: [String]
    /// What the login has received then, in the file `got`.
    var got: String?

    var testDescription: String { "\(shell): \(name)" }

    private var file: String {
        switch shell {
        case .bash: ".bash_profile"
        case .zsh: ".zprofile"
        case .fish: ".config/fish/config.fish"
        case .dash, .ash, .mksh: ".profile"
        case .tcsh: ".login"
        }
    }

    func home() throws -> TemporaryDirectory {
        let home = try TemporaryDirectory()
        let lines = (1...400).map { "line \($0) of the notice\n" }.joined()
        try home.write(lines, to: "notice")
        try home.write("", to: ".zshrc")
        try home.write(Self.recorder, to: "recorder.py")
        try home.folder(".local/share/fish/generated_completions")
        try home.folder(".cache/fish/generated_completions")
        try home.folder(".config/fish")
        try home.write(text + "\n", to: file)
        return home
    }

    /// Records every byte that reaches its terminal until there is an `x`.
    private static let recorder = """
        import os, sys, termios, tty
        old = termios.tcgetattr(0)
        tty.setraw(0)
        os.write(1, b"Press x to go on ")
        got = b""
        while b"x" not in got:
            got += os.read(0, 100)
        termios.tcsetattr(0, termios.TCSADRAIN, old)
        open(os.path.expanduser("~/got"), "ab").write(got)
        """

    private static let keeps = #"; printf '%s\n' "$x" >>~/got"#

    static let all = [
        AskingLogin(
            name: "a menu", text: "select x in one two; do printf '%s\\n' $x >>~/got; break; done",
            state: .lineInput, prompt: "#? ", answers: ["2"], got: "two\n"),
        AskingLogin(
            name: "a key", text: "read -n1 -p 'Continue? [Y/n] ' x" + keeps, state: .lineInput,
            prompt: "Continue? [Y/n] ", answers: ["+y"], got: "y\n"),
        AskingLogin(
            name: "a key that is not shown", text: "read -sn1 -p 'Continue? [Y/n] ' x" + keeps,
            state: .lineInput, prompt: "Continue? [Y/n] ", answers: ["+n"], got: "n\n"),
        AskingLogin(
            name: "a line behind much text",
            text: "head -40 ~/notice; read -p 'Your name: ' x" + keeps, state: .lineInput,
            prompt: "Your name: ", answers: ["Ann"], got: "Ann\n"),
        AskingLogin(
            name: "a line that nothing asks for", text: "read x" + keeps, state: .lineInput,
            answers: ["quiet"], got: "quiet\n"),
        AskingLogin(
            name: "the terminal", text: "read -p 'TERM = (vt100) ' x" + keeps, state: .lineInput,
            prompt: "TERM = (vt100) ", answers: ["xterm"], got: "xterm\n"),
        AskingLogin(
            name: "two questions of a script",
            text: "sh -c 'for i in 1 2; do printf \"$i: \"; read x; echo $x >>~/got; done'",
            state: .lineInput, prompt: "1: ", foreground: "sh", answers: ["a", "b"],
            got: "a\nb\n"),
        AskingLogin(
            name: "a program that records its terminal", text: "python3 ~/recorder.py",
            state: .lineInput, prompt: "Press x to go on ", foreground: "python3",
            answers: ["+x"], got: "x"),
        AskingLogin(
            name: "more", text: "more ~/notice", state: .fullscreen, foreground: "more",
            answers: ["+q"]),
        AskingLogin(
            name: "less", text: "less ~/notice", state: .fullscreen, foreground: "less",
            answers: ["+q"]),
        AskingLogin(
            name: "a secret", text: "read -rsp 'Passphrase: ' x" + keeps, state: .secret,
            prompt: "Passphrase: ", answers: ["!one two"], got: "one two\n"),
        AskingLogin(
            name: "a key's passphrase",
            text: "[ -f ~/k ] || ssh-keygen -q -t ed25519 -N secret1 -f ~/k; "
                + "ssh-keygen -y -f ~/k >~/got",
            state: .secret, foreground: "ssh-keygen", answers: ["!secret1"]),
        AskingLogin(
            shell: .zsh, name: "a key", text: "read -q 'x?Update? [Y/n] '" + keeps,
            state: .lineInput, prompt: "Update? [Y/n] ", answers: ["+y"], got: "y\n"),
        AskingLogin(
            shell: .zsh, name: "a menu",
            text: "select x in one two; do printf '%s\\n' $x >>~/got; break; done",
            state: .lineInput, prompt: "?# ", answers: ["1"], got: "one\n"),
        AskingLogin(
            shell: .fish, name: "a line",
            text: "status is-interactive; and read -P 'Pick one: ' x; and echo $x >>~/got",
            state: .lineInput, answers: ["three"], got: "three\n"),
        AskingLogin(
            shell: .dash, name: "a line", text: "printf 'Sure? '; read -r x" + keeps,
            state: .lineInput, prompt: "Sure? ", answers: ["yes"], got: "yes\n"),
    ].filter { $0.shell.command != nil }
}

@Suite(.serialized, .timeLimit(.minutes(4))) struct SessionsLoginTests {
    @IO private static func answer(_ session: Session, _ text: String) async throws -> CommandResult
    {
        let rest = String(text.dropFirst())
        switch text.first {
        case "+":
            return try await session.send(
                text: rest, keys: [], enter: false, wait: .seconds(20), maxBytes: 10_000)
        case "!":
            return try await session.send(secret: rest, wait: .seconds(20), maxBytes: 10_000)
        default:
            return try await session.send(
                text: text, keys: [], enter: true, wait: .seconds(20), maxBytes: 10_000)
        }
    }

    private static func read(_ name: String, _ home: TemporaryDirectory) -> String {
        String(
            decoding: FileManager.default.contents(atPath: home.file(name)) ?? Data(), as: UTF8.self
        )
    }

    @Test(arguments: AskingLogin.all)
    @IO func `a login that asks is answered, and goes on`(login: AskingLogin) async throws {
        let home = try login.home()
        let place = try await ProbePlace(login.shell, home: home.path)
        let session = try await place.session()
        defer { session.close() }
        let asked = session.describe(session.command)
        #expect(asked.state == login.state, "\(asked)")
        if let prompt = login.prompt { #expect(asked.prompt == prompt, "\(asked)") }
        #expect(asked.foreground == login.foreground, "\(asked)")
        await #expect { try await session.run("echo early", wait: .zero) } throws: {
            ($0 as? Fault)?.message.contains("ssh_session_send") == true
        }
        #expect(Self.read("got", home) == "")
        var last = asked
        for text in login.answers { last = try await Self.answer(session, text) }
        #expect(last.state == .done && last.note?.hasPrefix("the login is over") == true, "\(last)")
        if let got = login.got { #expect(Self.read("got", home) == got) }
        for word in ["ok", "again"] {
            let result = try await session.run("echo \(word)")
            #expect(result.output == "\(word)\n" && result.state == .done, "\(result)")
        }
        #expect(session.shellName == login.shell.rawValue)
    }

    private static func tmux(_ arguments: String, _ home: TemporaryDirectory) -> String {
        "\(arguments.hasPrefix("exec") ? "exec " : "")tmux -f /dev/null -S \(home.file("socket")) "
            + "new-session -A -s work sh ~/asks.sh"
    }

    /// Something inside tmux asks, and records what it gets.
    @Test(.needs("tmux"), arguments: [false, true])
    @IO func `tmux in a start-up file is named, and nothing is typed into it`(isReplaced: Bool)
        async throws
    {
        let home = try TemporaryDirectory()
        try home.write("printf 'Delete all? '; read x; echo $x >>~/got; exec cat\n", to: "asks.sh")
        try home.write(Self.tmux(isReplaced ? "exec" : "", home) + "\n", to: ".bash_profile")
        let place = try await ProbePlace(.bash, home: home.path)
        let session = try await place.session()
        defer { session.close() }
        let asked = session.describe(nil)
        #expect(asked.state == .fullscreen && asked.foreground == "tmux: client", "\(asked)")
        #expect(asked.note?.contains("ctrl-b") == true, "\(asked)")
        let screen = try await session.readScreen(offset: nil, wait: .zero, maxBytes: 10_000)
        #expect(screen.screen?.rows.first?.hasPrefix("Delete all?") == true, "\(screen)")
        let none = try await session.send(
            text: "no", keys: [], enter: true, wait: .seconds(1), maxBytes: 100)
        #expect(none.state == .fullscreen, "\(none)")
        #expect(await holds { Self.read("got", home) == "no\n" }, "\(Self.read("got", home))")
        if isReplaced {
            _ = try await session.send(
                text: "", keys: ["ctrl-b", ":"], enter: false, wait: .seconds(1), maxBytes: 100)
            _ = try await session.send(
                text: "detach -E 'exec bash --norc'", keys: [], enter: true, wait: .seconds(5),
                maxBytes: 100)
        } else {
            _ = try await session.send(
                text: "", keys: ["ctrl-b", "d"], enter: false, wait: .seconds(5), maxBytes: 100)
        }
        let result = try await session.run("echo ok")
        #expect(result.output == "ok\n" && result.state == .done, "\(result)")
        #expect(Self.read("got", home) == "no\n")
    }

    /// The kernel shows none of it: the text alone decides.
    @Test(.needs(.root, .mounts))
    @IO func `without a process file system a question is not typed to`() async throws {
        let home = try TemporaryDirectory()
        try home.write(
            "if [ ! -f ~/got ]; then read -p 'Continue? [Y/n] ' x; echo $x >>~/got; fi\n",
            to: ".bash_profile")
        let place = try await ProbePlace(.bash, home: home.path, hidesProcesses: true)
        let session = try await place.session()
        defer { session.close() }
        let asked = session.describe(nil)
        #expect(asked.state == .maybeInput && asked.prompt == "Continue? [Y/n] ", "\(asked)")
        _ = try await Self.answer(session, "yes")
        #expect(try await session.run("echo ok").output == "ok\n")
        #expect(Self.read("got", home) == "yes\n")
        let other = try await place.session()
        defer { other.close() }
        #expect(try await other.run("echo ok").output == "ok\n")
    }

    /// Sessions that are opened at once on one link are told apart.
    @Test @IO func `each of many logins is watched for itself`() async throws {
        let home = try TemporaryDirectory()
        try home.write("printf \"$$: \"; read x\n", to: ".bash_profile")
        let place = try await ProbePlace(.bash, home: home.path)
        let openings = (0..<8).map { _ in IO.task { try? await place.session() } }
        var sessions: [Session] = []
        for opening in openings { sessions.append(try #require(await opening.value)) }
        for session in sessions {
            let asked = session.describe(nil)
            let process = session.console.shell.login?.question.process ?? 0
            #expect(asked.state == .lineInput && asked.prompt == "\(process): ", "\(asked)")
            let answered = try await Self.answer(session, "")
            #expect(answered.state == .done, "\(answered)")
            #expect(try await session.run("echo $$").output == "\(process)\n")
        }
        for session in sessions { session.close() }
    }

    /// A prompt that looks like a question is not typed to until the client says it is one.
    @Test @IO func `an odd prompt is left to the client, and changing it leads on`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .bash, home: home, startFile: (".bash_profile", "PS1='what now? '"))
        defer { session.close() }
        let asked = session.describe(nil)
        #expect(asked.state == .lineInput && asked.prompt == "what now? ", "\(asked)")
        let answered = try await Self.answer(session, "PS1='$ '")
        #expect(
            answered.state == .done && answered.note == Answers.loginNote(.bash, chosen: nil),
            "\(answered)")
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test @IO func `another shell than the chosen one is named after the login`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .bash, home: home, startFile: (".bash_profile", "read -p 'Go on? ' x"), choice: .zsh)
        defer { session.close() }
        #expect(session.describe(nil).state == .lineInput)
        let answered = try await Self.answer(session, "y")
        #expect(answered.note?.hasSuffix("which is bash, not zsh") == true, "\(answered)")
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(arguments: ["PS1=''", "PS1='\\n'", "PS1='info\\n'", "sleep 2"])
    @IO func `a login without a question opens by itself`(text: String) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .bash, home: home, startFile: (".bash_profile", text))
        defer { session.close() }
        #expect(!session.isAtLogin)
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    /// What the login asks goes to the client also when it comes after a pause.
    @Test @IO func `adopt sets up a shell that the client brought to its prompt`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .bash, home: home, startFile: (".bash_profile", "sleep 1; read -p 'Go on? ' x"))
        defer { session.close() }
        #expect(session.describe(nil).state == .lineInput)
        await #expect(throws: Fault.self) { try await session.adopt(wait: .zero, maxBytes: 100) }
        // Ctrl-C gives up the start-up file.
        _ = try await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(10), maxBytes: 100)
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test @IO func `a login that ends or goes on too long is an error, and gets no byte`()
        async throws
    {
        let home = try TemporaryDirectory()
        try home.write("sleep 3; timeout 1 cat >>~/got; exit 3\n", to: ".bash_profile")
        let place = try await ProbePlace(.bash, home: home.path)
        await #expect { try await place.session(within: .seconds(2)) } throws: {
            ($0 as? Fault)?.code == .timedOut
        }
        try home.write("echo bye; exit 3\n", to: ".bash_profile")
        await #expect { try await place.session(within: .seconds(20)) } throws: {
            ($0 as? Fault)?.code == .shellUnusable
                && ($0 as? Fault)?.message.contains("bye") == true
        }
        #expect(Self.read("got", home) == "")
    }

    /// The whole way, as a client sees it.
    @Test @IO func `the answer to the opening says what is asked, and which call leads on`()
        async throws
    {
        let home = try TemporaryDirectory()
        try home.write(
            "echo Welcome; read -p 'Which account? ' x; echo $x >>~/got\n", to: ".bash_profile")
        var options = SSHServer.Options(shell: .bash)
        options.home = home.path
        let server = try await SSHServer.start(options)
        let desk = try await Desk([("box", server, "")])
        let opened = try await desk.call(.openSession, ["target": "site/box"]).get()
        #expect(opened["state"] == "line_input" && opened["shell"] == "login", "\(opened)")
        #expect(opened["prompt"] == "Which account? ", "\(opened)")
        #expect(opened["banner"] == "Welcome\nWhich account?", "\(opened)")
        #expect(opened["note"]?.stringValue?.contains("ssh_session_send") == true, "\(opened)")
        let id = opened["session_id"] ?? .null
        let refusal = await desk.fault(
            .runCommand, ["session_id": id, "command": "echo no", "wait_s": 0])
        #expect(refusal?.code == .busy, "\(String(describing: refusal))")
        #expect(refusal?.message.contains("{\"text\": …}") == true, "\(refusal?.message ?? "")")
        let read = try await desk.call(.readOutput, ["session_id": id]).get()
        #expect(read["output"] == "Welcome\nWhich account? ", "\(read)")
        let answered = try await desk.call(
            .sendInput, ["session_id": id, "text": "ops", "wait_s": 20]
        ).get()
        #expect(answered["state"] == "done", "\(answered)")
        let ran = try await desk.call(.runCommand, ["session_id": id, "command": "cat ~/got"])
            .get()
        #expect(ran["output"] == "ops\n" && ran["exit_code"] == 0, "\(ran)")
        let list = try await desk.call(.listSessions, [:]).get()
        #expect(list["sessions"]?[0]?["shell"] == "bash", "\(list)")
        _ = try await desk.call(.closeSession, ["session_id": id]).get()
    }
}
