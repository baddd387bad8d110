// The arguments and results of the `command.*` calls: one command on a target, without a session.
public import JSON

/// The arguments of `command.execute`, for one target.
public struct ExecuteCommand: Sendable {
    /// `agent/host`; the agent reads what follows the first slash.
    public var target: String
    /// The command line, for the user's shell at the target.
    public var command: String
    /// What the command reads.
    public var input: String
    /// Variables to set for it.
    public var environment: [(String, String)]
    /// Where it runs; nil: the user's home.
    public var directory: String?
    /// Whether it gets a terminal (then stderr is part of stdout).
    public var hasTerminal: Bool
    /// How long to wait for its end before answering `running`.
    public var wait: Duration
    /// When to end it (TERM, then KILL).
    public var timeout: Duration
    /// Answers at once with the command's id.
    public var isBackground: Bool
    /// The most bytes of each output in the answer.
    public var maxBytes: Int
    /// How to enter the target.
    public var access: TargetAccess

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields.string("target")
        command = try fields.string("command")
        input = try fields.optionalString("stdin") ?? ""
        environment = try fields.dictionary("env") ?? []
        directory = try fields.optionalString("cwd")
        hasTerminal = try fields.flag("pty") ?? false
        wait = try fields.seconds("wait_s", in: 0...50) ?? .seconds(10)
        timeout = try fields.seconds("timeout_s", in: 0.1...86_400) ?? .seconds(180)
        isBackground = try fields.flag("background") ?? false
        maxBytes = try fields.integer("max_bytes", in: 0...1_000_000) ?? 20_000
        access = try TargetAccess(fields)
    }
}

/// How far a one-shot command is.
public enum RunState: String, Sendable, CaseIterable {
    /// It ended with a code or a signal.
    case done
    /// It runs on; ask again with its id.
    case running
    /// It passed its timeout and was ended; the output so far is there.
    case timedOut = "timed_out"
    /// It was ended on request.
    case cancelled
    /// The connection to the target was lost before its end was known.
    case linkLost = "link_lost"
}

/// One output of a one-shot command, as far as an answer shows it.
public struct OutputPiece: Sendable, Equatable {
    /// Clean text; head and tail when over `max_bytes`.
    public var text = ""
    /// Bytes left out between head and tail.
    public var omittedBytes = 0
    /// Where the next read goes on.
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
    /// How far it is.
    public var state: RunState
    /// The exit code, when it ended with one.
    public var exitCode: Int?
    /// The signal that ended it (`TERM`, `KILL`).
    public var signal: String?
    /// Its standard output.
    public var stdout = OutputPiece()
    /// Its standard error.
    public var stderr = OutputPiece()
    /// Milliseconds from its start to its end, or to now.
    public var durationMS = 0

    /// A result to be filled in.
    public init(target: String, commandID: String, state: RunState) {
        self.target = target
        self.commandID = commandID
        self.state = state
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = [
            "target": .string(target), "command_id": .string(commandID),
            "state": .string(state.rawValue), "exit_code": JSON(exitCode) ?? .null,
        ]
        object.add("signal", JSON(signal))
        object["stdout"] = .string(stdout.text)
        object["stderr"] = .string(stderr.text)
        object["omitted_bytes"] = JSON(stdout.omittedBytes + stderr.omittedBytes)
        object["stdout_next_offset"] = JSON(stdout.nextOffset)
        object["stderr_next_offset"] = JSON(stderr.nextOffset)
        object["duration_ms"] = JSON(durationMS)
        return .object(object)
    }
}

/// The arguments of `command.output`.
public struct ReadCommand: Sendable {
    /// The command.
    public var commandID: String
    /// Where to begin in the standard output.
    public var stdoutOffset: Int
    /// Where to begin in the standard error.
    public var stderrOffset: Int
    /// How long to wait for more, or the end.
    public var wait: Duration
    /// The most bytes of each output in the answer.
    public var maxBytes: Int

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        commandID = try fields.string("command_id")
        stdoutOffset =
            try fields.integer("stdout_offset", in: 0...Contract.integers.upperBound) ?? 0
        stderrOffset =
            try fields.integer("stderr_offset", in: 0...Contract.integers.upperBound) ?? 0
        wait = try fields.seconds("wait_s", in: 0...50) ?? .zero
        maxBytes = try fields.integer("max_bytes", in: 1...1_000_000) ?? 20_000
    }
}

/// The arguments of `command.cancel`.
public struct CancelCommand: Sendable {
    /// The command.
    public var commandID: String
    /// The first signal; KILL follows after 2 s.
    public var signal: String

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        commandID = try fields.string("command_id")
        signal = try fields.optionalString("signal") ?? "TERM"
        guard ["INT", "TERM", "HUP", "KILL", "QUIT"].contains(signal) else {
            throw Fault(.invalidArgument, "\"signal\" must be INT, TERM, HUP, QUIT or KILL")
        }
    }
}
