// What the far end of a session is: a shell with marks, a device with a prompt that was learned, or
// anything at all. Session asks its dialogue for what differs between them.
// Invariant: each says what its `done` rests on, and none guesses.
import Loop
import Programs
import Terminal
import Wire

/// How one kind of far end is spoken to.
@IO protocol Dialogue: AnyObject {
    /// What shows that something typed at the prompt is over.
    var evidence: Evidence { get }
    /// The status of lines that a client typed itself; nil: not told.
    var promptStatus: Int? { get }
    /// Gives a command, and waits for its end, at most until the order's wait is over.
    func run(_ order: CommandOrder) async throws(Fault) -> SessionCommand
    /// Makes the shell that has the terminal the one that is driven.
    func adopt(wait: Duration) async throws(Fault)
    /// Before a client types: nothing of our own stands between it and the prompt.
    func settle() async
    /// A client types to the prompt. `line`: it is this text and Enter.
    func typesAtPrompt(_ line: String?)
    /// A client has typed keys to a command. `isBefore`: it is about to.
    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async
    /// A client has typed keys at the prompt, and has waited for what comes of it.
    func recover(from keys: [UInt8]) async
    /// Text of the output from an offset on, as people read it.
    func cleaned(_ text: String, from offset: Int) -> String
}

/// A command as a client gives it.
struct CommandOrder {
    var code: String
    /// The caller waits this long for its end.
    var wait: Duration
    /// It is interrupted after this time.
    var timeout: Duration?
}

/// What is typed and read, without shell, prompt or marks.
@IO final class RawDialogue: Dialogue {
    private let console: Console

    /// Takes the terminal as it is.
    init(_ console: Console) {
        self.console = console
        console.shell.hasMarks = false
        console.shell.name = "raw"
        console.shell.state.goWithoutMarks()
        // Nothing ever tells that what is typed here is over.
        console.shell.state.typed([], at: console.log.end)
    }

    var evidence: Evidence { .prompt }
    var promptStatus: Int? { nil }
    func run(_ order: CommandOrder) async throws(Fault) -> SessionCommand {
        throw console.refusal("runs no commands")
    }
    func adopt(wait: Duration) async throws(Fault) { throw console.refusal("adopts no shells") }
    func settle() async {}
    func typesAtPrompt(_ line: String?) {}
    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async {}
    func recover(from keys: [UInt8]) async {}
    func cleaned(_ text: String, from offset: Int) -> String { text }
}

extension Console {
    /// What a session without a shell of its own answers to what needs one.
    func refusal(_ what: String) -> Fault {
        Fault(
            .invalidArgument,
            "session \(id) was opened with shell \"\(shell.name)\", which \(what); type with "
                + "ssh_session_send and read with ssh_session_read, or open a session with shell \"auto\""
        )
    }

    /// What a session answers to a command while another one runs.
    func busy(_ command: SessionCommand) -> Fault {
        Fault(
            .busy,
            "session \(id) is running \(command.id): \(command.preview); "
                + "wait with ssh_session_read or interrupt it with ssh_session_send ctrl-c")
    }
}
