// The result of a command or of input to one: every session call answers in this form.
public import JSON

/// The state of a command.
///
/// `Evidence` says what a state is based on.
public enum CommandState: String, Sendable, CaseIterable {
    /// It ended; the exit code is exact.
    case done
    /// It is still running; ask again with the offset.
    case running
    /// It waits for a line of input.
    case lineInput = "line_input"
    /// It waits for a secret: the terminal's echo is off.
    case secret
    /// A full-screen program has the terminal.
    case fullscreen
    /// The shell wants more input: an unterminated quote or here-document.
    case incomplete
    /// It did not reach its end: a syntax error or an interrupt.
    case aborted
    /// It was stopped (Ctrl-Z) and can be resumed.
    case stopped
    /// The shell ended, and the session with it.
    case shellExited = "shell_exited"
    /// The connection to the target was lost; the session has ended.
    case linkLost = "link_lost"
    /// It may be waiting for input; low confidence.
    case maybeInput = "maybe_input"
}

extension CommandState {
    /// Whether the command has ended.
    public var isOver: Bool {
        switch self {
        case .done, .aborted, .shellExited, .linkLost: true
        case .running, .lineInput, .secret, .fullscreen, .incomplete, .stopped, .maybeInput: false
        }
    }
}

/// What a state is based on.
public enum Evidence: String, Sendable, CaseIterable {
    /// A mark with the session's nonce.
    case mark
    /// The kernel, asked through a second channel.
    case probe
    /// A learned prompt.
    case prompt
    /// A pattern in the output; low confidence.
    case regex
    /// The end of the SSH channel.
    case eof
}

/// The answer to `session.command`, `session.send` and, with offsets only, `session.read`.
public struct CommandResult: Sendable, Equatable {
    /// The session.
    public var sessionID: String
    /// The command; nil if nothing has run yet.
    public var commandID: String?
    /// The state of the command.
    public var state: CommandState
    /// The exit code, when known.
    public var exitCode: Int?
    /// The signal that ended it (`INT`, `KILL`), when known.
    public var signal: String?
    private var directories = Directories()
    /// Clean text: no echo, prompt, marks or colour; head and tail when over `max_bytes`.
    public var output = ""
    /// Whether part of the output was left out of `output`.
    public var isTruncated = false
    /// Bytes left out between head and tail.
    public var omittedBytes = 0
    /// Bytes lost permanently, because the spool file was full.
    public var lostBytes = 0
    private var position = Position()
    /// Milliseconds from the command's start to its end, or to now.
    public var durationMS = 0
    /// How many nested shells were adopted; 0 if the session's own shell is driven.
    public var depth = 0
    /// The adopted shell that is driven.
    public var shell: String?
    /// Whether a program with its own shell has the terminal, so that nothing marks what runs in
    /// it.
    public var hasLostMarks = false
    /// The program in the foreground, when known and not the shell.
    public var foreground: String?
    /// The prompt of a program that waits for input.
    public var prompt: String?
    /// What `state` is based on.
    public var evidence: [Evidence] = []
    /// Whether a line matched `until`, if that was given.
    public var isMatched: Bool?
    /// The terminal's screen, when that was asked for or a program draws on it.
    public var screen: ScreenView?
    /// A remark, for example that the output of a background job is in between.
    public var note: String?

    /// The shell's working directory before and after the command.
    private struct Directories: Equatable {
        var before: String?
        var now: String?
    }

    /// Where the output stands in that of the session.
    private struct Position: Equatable {
        var offset = 0
        var nextOffset = 0
        var isPage = false
    }

    /// Where the command's output begins in the session's output.
    public var offset: Int {
        get { position.offset }
        set { position.offset = newValue }
    }
    /// The offset of the next read.
    public var nextOffset: Int {
        get { position.nextOffset }
        set { position.nextOffset = newValue }
    }
    /// Whether it is a page of a session's output, of which the offsets are wanted in any state.
    public var isPage: Bool {
        get { position.isPage }
        set { position.isPage = newValue }
    }
    /// The shell's working directory after the command, when known.
    public var cwd: String? {
        get { directories.now }
        set { directories.now = newValue }
    }
    /// The shell's working directory before the command, when known: where `cwd` is the same, the
    /// answer leaves it out.
    public var cwdBefore: String? {
        get { directories.before }
        set { directories.before = newValue }
    }

    private static let sessionID = Field.text("session_id", "The session.")
    private static let commandID = Field.text(
        "command_id", "The command; absent if nothing has run yet."
    ).optional
    private static let state = Field<CommandState>.choice(
        "state",
        "The command's state. done: it ended, exit_code is exact. running: it is still running. "
            + "line_input: it waits for a line. secret: the same with the echo off. fullscreen: a "
            + "full-screen program has the terminal. incomplete: the shell wants more (an open "
            + "quote or here-document). aborted: it did not run to its end (a syntax error or an "
            + "interrupt). stopped: Ctrl-Z. shell_exited, link_lost: the session has ended. "
            + "maybe_input: perhaps it waits for input.")
    private static let exitCode = Field.integer(
        "exit_code",
        "The exit code, when the command is done, or of the shell when it ended. Absent: none was "
            + "sent."
    ).optional
    private static let signal = Field.text("signal", "The signal that ended it: INT, KILL.")
        .optional
    private static let cwd = Field.text(
        "cwd", "The working directory after the command, if that has changed it."
    ).optional
    private static let output = Field.text(
        "output", "Clean text: no prompt, echo or colour. Absent: none."
    ).or("")
    private static let truncated = Field.flag(
        "truncated", "Whether part of the output was left out."
    ).or(false)
    private static let omitted = Field.count(
        "omitted_bytes", "Bytes left out between head and tail; they can be read by offset."
    ).or(0)
    private static let lost = Field.count("lost_bytes", "Bytes that can no longer be read.").or(0)
    private static let offset = Field.count(
        "offset", "The offset of the beginning of output, where a part was left out or read."
    ).or(0)
    private static let nextOffset = Field.count(
        "next_offset",
        "The offset of the next read. Absent: the command is over, and output is all of it."
    ).optional
    private static let duration = Field.count(
        "duration_ms", "Milliseconds from the command's start to its end, or to now."
    ).or(0)
    private static let depth = Field.count(
        "depth", "How many nested shells were adopted."
    ).or(0)
    private static let shell = Field.text("shell", "The adopted shell that is driven.").optional
    private static let foreground = Field.text(
        "foreground", "The program that has the terminal, when it is not the shell."
    ).optional
    private static let prompt = Field.text(
        "prompt", "The prompt of a program that waits for input."
    ).optional
    private static let marks = Field.word(
        "marks", of: ["lost"],
        "lost: a program with its own shell has the terminal, and nothing marks what runs in it; "
            + "adopt it."
    ).optional
    private static let evidence = Field.texts(
        "evidence",
        "What state is based on, where it is not a mark of the shell, which is exact: probe (the "
            + "kernel was asked), prompt (a learned prompt), regex (the output alone: low "
            + "confidence), eof (the end of the connection). Absent in state running: nothing is "
            + "known but that it has not ended."
    ).or([])
    private static let matched = Field.flag(
        "matched", "Whether a line matched until, if that was given."
    ).optional
    private static let screen = Field.object(
        "screen", ScreenView.members,
        "The terminal as a person sees it: with view screen (output is then empty), and in state "
            + "fullscreen while a program draws (output then holds the lines before its picture)."
    ).optional
    private static let note = Field.text("note", "A remark on this result.").optional

    static let members = [
        sessionID.declaration, commandID.declaration, state.declaration, exitCode.declaration,
        signal.declaration, cwd.declaration, output.declaration, truncated.declaration,
        omitted.declaration, lost.declaration, offset.declaration, nextOffset.declaration,
        duration.declaration, depth.declaration, shell.declaration, foreground.declaration,
        prompt.declaration, marks.declaration, evidence.declaration, matched.declaration,
        screen.declaration, note.declaration,
    ]

    /// A result to be filled in.
    public init(sessionID: String, state: CommandState) {
        self.sessionID = sessionID
        self.state = state
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.sessionID, sessionID)
        members.put(Self.commandID, commandID)
        members.put(Self.state, state)
        members.put(Self.exitCode, exitCode)
        members.put(Self.signal, signal)
        members.put(Self.cwd, cwd == cwdBefore ? nil : cwd)
        members.put(Self.output, output)
        members.put(Self.truncated, isTruncated)
        members.put(Self.omitted, omittedBytes)
        members.put(Self.lost, lostBytes)
        members.put(Self.offset, isPage || isTruncated ? offset : 0)
        members.put(Self.nextOffset, isPage || isTruncated || !state.isOver ? nextOffset : nil)
        members.put(Self.duration, durationMS)
        members.put(Self.depth, depth)
        members.put(Self.shell, shell)
        members.put(Self.foreground, foreground)
        members.put(Self.prompt, prompt)
        members.put(Self.marks, hasLostMarks ? "lost" : nil)
        members.put(Self.evidence, evidence == [.mark] ? [] : evidence.map(\.rawValue))
        members.put(Self.matched, isMatched)
        members.put(Self.screen, screen?.json)
        members.put(Self.note, note)
        return members.json
    }
}
