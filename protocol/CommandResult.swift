// What came of a command or of input to one: the shape every session call answers with.
public import JSON

/// How far a command is.
///
/// Nothing here is a guess: `Evidence` says what it rests on.
public enum CommandState: String, Sendable, CaseIterable {
    /// It ended; the exit code is exact.
    case done
    /// It runs on; ask again with the offset.
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
    /// The shell ended; the session is over.
    case shellExited = "shell_exited"
    /// The connection to the target was lost; the session is over.
    case linkLost = "link_lost"
    /// It may be waiting for input; low confidence.
    case maybeInput = "maybe_input"
}

/// What a state rests on.
public enum Evidence: String, Sendable, CaseIterable {
    /// A mark with the session's nonce.
    case mark
    /// The kernel, asked through a second channel.
    case probe
    /// A learned prompt.
    case prompt
    /// A pattern in the output; low confidence.
    case regex
    /// The end of the channel.
    case eof
}

/// The answer to `session.command`, `session.send` and, with offsets alone, `session.read`.
public struct CommandResult: Sendable, Equatable {
    /// The session.
    public var sessionID: String
    /// The command; nil when nothing has run yet.
    public var commandID: String?
    /// How far it is.
    public var state: CommandState
    /// The exit code, when known.
    public var exitCode: Int?
    /// The signal that ended it (`INT`, `KILL`), when known.
    public var signal: String?
    /// The shell's working directory after the command, when known.
    public var cwd: String?
    /// Clean text: no echo, prompt, marks or colour; head and tail when over `max_bytes`.
    public var output = ""
    /// Whether `output` leaves something out.
    public var isTruncated = false
    /// Bytes left out between head and tail.
    public var omittedBytes = 0
    /// Bytes that are gone for good (over the spool's cap).
    public var lostBytes = 0
    /// Where the command's output begins in the session's output.
    public var offset = 0
    /// Where the next read goes on.
    public var nextOffset = 0
    /// Milliseconds from the command's start to its end, or to now.
    public var durationMS = 0
    /// How many shells inside each other were adopted; 0: the session's own is driven.
    public var depth = 0
    /// The adopted shell that is driven.
    public var shell: String?
    /// A program with a shell of its own has the terminal: nothing marks what runs in it.
    public var hasLostMarks = false
    /// The program in the foreground, when known and not the shell.
    public var foreground: String?
    /// The prompt of a program that waits for input.
    public var prompt: String?
    /// What `state` rests on.
    public var evidence: [Evidence] = []
    /// Whether a line matched `until`, when that was given.
    public var isMatched: Bool?
    /// The terminal's screen, when that was asked for.
    public var screen: ScreenView?
    /// Something the reader should know: output of a background job in between, say.
    public var note: String?

    /// A result to be filled in.
    public init(sessionID: String, state: CommandState) {
        self.sessionID = sessionID
        self.state = state
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = ["session_id": .string(sessionID)]
        object.add("command_id", JSON(commandID))
        object["state"] = .string(state.rawValue)
        object["exit_code"] = JSON(exitCode) ?? .null
        object.add("signal", JSON(signal))
        object.add("cwd", JSON(cwd))
        object["output"] = .string(output)
        object["truncated"] = .bool(isTruncated)
        object["omitted_bytes"] = JSON(omittedBytes)
        if lostBytes > 0 { object["lost_bytes"] = JSON(lostBytes) }
        object["offset"] = JSON(offset)
        object["next_offset"] = JSON(nextOffset)
        object["duration_ms"] = JSON(durationMS)
        if depth > 0 { object["depth"] = JSON(depth) }
        object.add("shell", JSON(shell))
        object.add("foreground", JSON(foreground))
        object.add("prompt", JSON(prompt))
        if hasLostMarks { object["marks"] = "lost" }
        object["evidence"] = .array(evidence.map { .string($0.rawValue) })
        object.add("matched", isMatched.map(JSON.bool))
        object.add("screen", screen?.json)
        object.add("note", JSON(note))
        return .object(object)
    }
}
