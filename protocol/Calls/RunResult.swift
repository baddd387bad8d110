// The result of a command that is found by its id: the answer to `command.execute`,
// `command.output` and `command.cancel`.
public import JSON

/// The state of a command that is found by its id, one-shot or a session's.
public enum RunState: String, Sendable, CaseIterable {
    /// It ended with a code or a signal.
    case done
    /// It is still running; ask again with its id.
    case running
    /// It exceeded its timeout and was ended; its output until then can be read.
    case timedOut = "timed_out"
    /// It was ended on request.
    case cancelled
    /// The connection to the target was lost before its end was known.
    case linkLost = "link_lost"
    /// Its host closed its channel without an exit status: how it ended is not known.
    case endedWithoutStatus = "ended_without_status"
    /// It was not run: its directory could not be entered, or fish could not parse it.
    case notRun = "not_run"
    /// A transfer of files: something could not be copied.
    case failed
    /// In a session: it waits for a line.
    case lineInput = "line_input"
    /// In a session: it waits for a secret.
    case secret
    /// In a session: it draws on the whole terminal.
    case fullscreen
    /// In a session: the shell wanted more of it.
    case incomplete
    /// In a session: it did not run to its end.
    case aborted
    /// In a session: it was stopped (Ctrl-Z).
    case stopped
    /// In a session: its shell ended.
    case shellExited = "shell_exited"
    /// In a session: it may wait for input; low confidence.
    case maybeInput = "maybe_input"
}

extension RunState {
    /// Whether the command has ended, as far as is known; one that outlives its connection
    /// (`isDetached`) has not where that is lost.
    public func isOver(isDetached: Bool) -> Bool {
        switch self {
        case .running, .lineInput, .secret, .fullscreen, .incomplete, .stopped, .maybeInput: false
        case .linkLost: !isDetached
        case .done, .timedOut, .cancelled, .endedWithoutStatus, .notRun, .failed, .aborted,
            .shellExited:
            true
        }
    }
}

/// How a command's outputs are shown.
public enum OutputEncoding: String, Sendable, CaseIterable {
    /// Clean text.
    case text
    /// The exact bytes, as base64.
    case base64

    static let argument = Field<OutputEncoding>.choice(
        "encoding",
        "text: bytes that are not UTF-8 are replaced (see not_utf8). base64: the exact "
            + "bytes."
    ).or(.text)
}

/// The part of one output of a one-shot command that an answer shows.
public struct OutputPiece: Sendable, Equatable {
    /// Clean text, head and tail when over `max_bytes`; or base64.
    public var text = ""
    /// Whether the bytes shown are UTF-8; otherwise `text` has replacements in it.
    public var isUTF8 = true
    /// Bytes left out between head and tail.
    public var omittedBytes = 0
    /// The offset of the next read.
    public var nextOffset = 0

    /// A piece to be filled in.
    public init() {}
}

/// The answer to `command.execute`, `command.output` and `command.cancel`.
public struct RunResult: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The handle.
    public var commandID: String
    /// The state of the command.
    public var state: RunState
    /// The exit code, when it ended with one.
    public var exitCode: Int?
    /// The signal that ended it (`TERM`, `KILL`).
    public var signal: String?
    /// Its standard output.
    public var stdout = OutputPiece()
    /// Its standard error.
    public var stderr = OutputPiece()
    /// How both are shown.
    public var encoding = OutputEncoding.text
    /// Whether the outputs are read from offsets on, so that the next offsets are wanted in any
    /// state.
    public var isPage = false
    /// Whether a line matched `until`, if that was given.
    public var isMatched: Bool?
    /// Milliseconds from its start to its end, or to now.
    public var durationMS = 0
    /// Whole seconds until its timeout ends it; nil: it has none, or has ended.
    public var endsInSeconds: Int?
    /// Whether it outlives the agent and its connection.
    public var isDetached = false
    /// The session it runs in; nil: it is a one-shot command.
    public var sessionID: String?
    /// A remark, for example that its end is not confirmed.
    public var note: String?

    private static let target = Field.text("target", "Where it runs or ran.")
    static let commandID = Field.text("command_id", "The command's id.")
    static let state = Field<RunState>.choice(
        "state",
        "The command's state. done: it ended with a code or a signal. running: it is still "
            + "running. timed_out: it exceeded timeout_s and was ended. cancelled: it was ended on "
            + "request. link_lost: the connection to the host was lost before its end was known. "
            + "ended_without_status: the host closed its channel and sent no exit status, as some "
            + "network devices do after each command and servers do at a time limit, while the "
            + "command may still run. not_run: cwd could not be entered, or fish could not parse it, see note. failed: a transfer of "
            + "files could not copy everything, see stdout. The other states occur only for a session's command; ssh_session_command explains them."
    )
    static let exitCode = Field.integer(
        "exit_code", "The exit code that the host sent; it is never assumed."
    )
    private static let exitCodeIfSent = exitCode.optional
    static let signal = Field.text("signal", "The signal that ended it: TERM, KILL.").optional
    private static let stdout = Field.text(
        "stdout", "Its standard output as clean text (encoding base64: as base64). Absent: none."
    ).or("")
    private static let stderr = Field.text("stderr", "Its standard error, in the same way.").or("")
    private static let encoding = Field.word(
        "encoding", of: [OutputEncoding.base64.rawValue],
        "base64: stdout and stderr are exact bytes as base64. Absent: they are text."
    ).optional
    private static let notUTF8 = Field.texts(
        "not_utf8",
        "The outputs (stdout, stderr) with bytes that are not UTF-8, which are replaced here; "
            + "ssh_command_output with encoding base64 gives them exactly."
    ).or([])
    private static let matched = Field.flag(
        "matched", "Whether a line matched until, if that was given."
    ).optional
    private static let endsIn = Field.count(
        "ends_in_s",
        "Seconds until timeout_s ends the running command. Absent: it runs until it ends."
    ).optional
    private static let omitted = Field.count(
        "omitted_bytes", "Bytes of both outputs left out; they can be read by offset."
    ).or(0)
    private static let stdoutNext = Field.count(
        "stdout_next_offset",
        "The offset of the next read of stdout, where there may be more to read."
    ).or(0)
    private static let stderrNext = Field.count(
        "stderr_next_offset",
        "The offset of the next read of stderr, where there may be more to read."
    ).or(0)
    static let duration = Field.count(
        "duration_ms", "Milliseconds from its start to its end, or to now.")

    static let detached = Field.flag(
        "detached", "Whether it outlives the agent and its connection."
    ).or(false)
    static let sessionID = Field.text(
        "session_id", "The session it runs in; absent for one-shot commands."
    ).optional
    static let note = Field.text(
        "note", "A remark, for example that the end of a cancelled command is not confirmed."
    ).optional

    static let members = [
        target.declaration, commandID.declaration, state.declaration,
        exitCodeIfSent.declaration, signal.declaration, stdout.declaration, stderr.declaration,
        encoding.declaration, notUTF8.declaration, omitted.declaration, stdoutNext.declaration,
        stderrNext.declaration, matched.declaration, duration.declaration, endsIn.declaration,
        detached.declaration, sessionID.declaration, note.declaration,
    ]

    /// A result to be filled in.
    public init(target: String, commandID: String, state: RunState) {
        self.target = target
        self.commandID = commandID
        self.state = state
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.target, target)
        members.put(Self.commandID, commandID)
        members.put(Self.state, state)
        members.put(Self.exitCodeIfSent, exitCode)
        members.put(Self.signal, signal)
        members.put(Self.stdout, stdout.text)
        members.put(Self.stderr, stderr.text)
        members.put(Self.encoding, encoding == .base64 ? encoding.rawValue : nil)
        members.put(
            Self.notUTF8,
            (stdout.isUTF8 ? [] : [Self.stdout.name]) + (stderr.isUTF8 ? [] : [Self.stderr.name]))
        let omitted = stdout.omittedBytes + stderr.omittedBytes
        members.put(Self.omitted, omitted)
        let hasMore = isPage || omitted > 0 || !state.isOver(isDetached: isDetached)
        members.put(Self.stdoutNext, hasMore ? stdout.nextOffset : 0)
        members.put(Self.stderrNext, hasMore ? stderr.nextOffset : 0)
        members.put(Self.matched, isMatched)
        members.put(Self.duration, durationMS)
        members.put(Self.endsIn, endsInSeconds)
        members.put(Self.detached, isDetached)
        members.put(Self.sessionID, sessionID)
        members.put(Self.note, note)
        return members.json
    }
}
