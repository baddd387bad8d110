// The ways to speak to the far end of a session: a shell with marks, a login that has not brought
// its shell to the prompt yet, a device with a learned prompt, or anything else. Session leaves to
// its dialogue what differs between them.
// Invariant: each says what its `done` rests on, and none guesses.
import Loop
import Programs
import Terminal
import Wire

/// How one kind of far end is spoken to.
@IO protocol Dialogue: AnyObject {
    /// What shows that something typed at the prompt is over.
    var evidence: Evidence { get }
    /// The status of lines that a client typed itself; nil if it is not reported.
    var promptStatus: Int? { get }
    /// Runs a command, and waits for its end, at most until the order's wait is over.
    func run(_ order: CommandOrder) async throws(Fault) -> SessionCommand
    /// Makes the shell that has the terminal the one that commands run in.
    func adopt(wait: Duration) async throws(Fault)
    /// Called before a client types: lets nothing of our own stand between its input and the
    /// prompt.
    func willType() async
    /// A client types to the prompt. `line`: it is this text and Enter.
    func typesAtPrompt(_ line: String?)
    /// A client has typed keys to a command. `isBefore`: it is about to.
    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async
    /// A client has typed keys at the prompt, and has waited for what comes of it.
    func recover(from keys: [UInt8]) async
    /// The text of the output from an offset on, as people read it.
    func cleaned(_ text: String, from offset: Int) -> String
}

/// A command as a client gives it.
struct CommandOrder {
    var code: String
    /// How long the caller waits for its end.
    var wait: Duration
    /// The time after which it is interrupted.
    var timeout: Duration?
    /// Where the output ends that the caller has been given; nil: it has been given none.
    var seen: Int?
}

/// A terminal that is only typed to and read, without shell, prompt or marks.
@IO final class RawDialogue: Dialogue {
    private let console: Console

    /// Takes the terminal as it is.
    init(_ console: Console) {
        self.console = console
        console.shell.hasMarks = false
        console.shell.name = "raw"
        console.shell.state.goWithoutMarks()
        // Nothing ever shows that what is typed here has ended.
        console.shell.state.typed([], at: console.log.end)
    }

    var evidence: Evidence { .prompt }
    var promptStatus: Int? { nil }
    func run(_ order: CommandOrder) async throws(Fault) -> SessionCommand {
        throw console.refusal("runs no commands")
    }
    func adopt(wait: Duration) async throws(Fault) { throw console.refusal("adopts no shells") }
    func willType() async {}
    func typesAtPrompt(_ line: String?) {}
    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async {}
    func recover(from keys: [UInt8]) async {}
    func cleaned(_ text: String, from offset: Int) -> String { text }
}

extension Console {
    /// The fault of a session without a shell, for a call that needs one.
    func refusal(_ what: String) -> Fault {
        Fault(
            .invalidArgument,
            "session \(id) was opened with shell \"\(shell.name)\", which \(what); type with "
                + "ssh_session_send and read with ssh_session_read, or open a session with shell \"auto\""
        )
    }

    /// The fault of a session for a command while another one runs: it says what has the terminal,
    /// and which call leads on.
    func busy(_ command: SessionCommand) async -> Fault {
        await asker.glance()
        return Fault(
            .busy, "session \(id) is running \(command.id): \(command.preview); \(wayOn)")
    }

    private static let tmux =
        "tmux shows terminals of its own, where nothing marks what runs: detach with "
        + "ssh_session_send {\"keys\": [\"ctrl-b\", \"d\"]}. Where a start-up file has put it in the "
        + "shell's place (exec tmux), that ends the session: send {\"keys\": [\"ctrl-b\", \":\"]} and "
        + "then {\"text\": \"detach -E 'exec bash --norc'\"} for a shell instead, or use ssh_execute"
    private static let screen =
        "screen shows terminals of its own, where nothing marks what runs: detach with "
        + "ssh_session_send {\"keys\": [\"ctrl-a\", \"d\"]}. Where a start-up file has put it in the "
        + "shell's place (exec screen), that ends the session: use ssh_execute"

    /// What a client can do about what has the terminal.
    var wayOn: String {
        let name = watch.foreground.map { String($0.prefix(64)).plain(keepsLines: false) }
        let program = name ?? (shell.isLogin ? "it" : "a program")
        if let inner = watch.unmarked {
            return "\(name ?? inner) in it has a shell of its own: take that over with "
                + "ssh_session_send {\"adopt\": true}, or leave it with {\"text\": \"exit\"}"
        }
        let prompt = watch.finding?.prompt.map { " (\($0))" } ?? ""
        return switch watch.finding?.state {
        case .secret:
            "\(program) asks for a secret\(prompt): answer with ssh_session_send {\"secret\": NAME}, or "
                + "end it with {\"keys\": [\"ctrl-c\"]}"
        case .lineInput, .maybeInput, .incomplete:
            "\(program) waits for input\(prompt): answer with ssh_session_send {\"text\": …}, or end it "
                + "with {\"keys\": [\"ctrl-c\"]}"
        case .fullscreen where name?.hasPrefix("tmux") == true:
            Self.tmux
        case .fullscreen where name == "screen":
            Self.screen
        case .fullscreen:
            "\(program) has the whole terminal: look with ssh_session_read {\"view\": \"screen\"}, and "
                + "leave it by its own keys (a pager: ssh_session_send {\"text\": \"q\", \"enter\": "
                + "false}) or {\"keys\": [\"ctrl-c\"]}"
        case .running, .done, .aborted, .stopped, .shellExited, .linkLost, nil:
            "wait with ssh_session_read or interrupt it with ssh_session_send {\"keys\": [\"ctrl-c\"]}"
        }
    }
}
