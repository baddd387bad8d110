// The calls on commands that were started before, one-shot or in a session: `command.output`,
// `command.list`, `command.cancel`.
public import JSON

/// The arguments of `command.output`.
public struct ReadCommand: CallArguments {
    /// The command.
    public var commandID: String
    /// Where to begin in the standard output.
    public var stdoutOffset: Int
    /// Where to begin in the standard error.
    public var stderrOffset: Int
    /// How long to wait for more output, or for the command's end.
    public var wait: Duration
    /// The most bytes of each output in the answer.
    public var maxBytes: Int

    private static let stdoutOffset = Field.count(
        "stdout_offset", "Where to begin in stdout, counted from the command's beginning."
    ).or(0)
    private static let stderrOffset = Field.count("stderr_offset", "Where to begin in stderr.").or(
        0)
    private static let wait = Shared.wait(
        .zero, "How long to wait for output beyond the offsets, or for the command's end.")
    private static let maxBytes = Shared.maxBytes(
        from: 1, "The most bytes of each output in the answer, from its offset on.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        commandID = try fields[Shared.commandID]
        stdoutOffset = try fields[Self.stdoutOffset]
        stderrOffset = try fields[Self.stderrOffset]
        wait = try fields[Self.wait]
        maxBytes = try fields[Self.maxBytes]
    }

    /// The arguments of a call that is answered, without output, when the command has ended or 45 s
    /// are over.
    public static func end(of id: String) -> JSON.Object {
        [
            Shared.commandID.name: .string(id), wait.name: 45,
            stdoutOffset.name: .integer(Contract.integers.upperBound),
            stderrOffset.name: .integer(Contract.integers.upperBound),
        ]
    }

    /// The arguments of a call for the command's output from its beginning.
    public static func output(of id: String, atMost limit: JSON?) -> JSON.Object {
        var arguments: JSON.Object = [Shared.commandID.name: .string(id)]
        arguments[maxBytes.name] = limit
        return arguments
    }

    static let row = MethodRow(
        does: "reads a command's output by offset",
        deadline: Deadline(.seconds(15), plus: [wait]), changesTargets: false, hasProgress: true,
        limit: maxBytes,
        arguments: [
            Shared.commandID.declaration, stdoutOffset.declaration, stderrOffset.declaration,
            wait.declaration, maxBytes.declaration,
        ],
        result: RunResult.members,
        tool: ToolRow(
            "ssh_command_output", title: "Read a command's output",
            "Reads a command's output from the given offsets on, and reports its state. A session's "
                + "command has all its output in stdout.",
            scopes: [.sessionsRead], hints: .looks(atTargets: true),
            routes: [.command("command_id")], isLarge: true))
}

/// The arguments of `command.list`.
public struct ListCommands: CallArguments {
    /// Keeps the commands on this target.
    public var target: String?

    private static let commands = Field.objects(
        "commands", CommandInfo.members, "The commands, the newest first.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { target = try fields[Shared.onlyTarget] }

    /// The result.
    public static func json(_ found: [CommandInfo]) -> JSON {
        var members = Members()
        members.put(commands, found.map(\.json))
        return members.json
    }

    static let row = MethodRow(
        does: "lists the caller's commands: running ones and, for an hour, ended ones",
        deadline: Deadline(.seconds(15)), changesTargets: false,
        arguments: [Shared.onlyTarget.declaration], result: [commands.declaration],
        tool: ToolRow(
            "ssh_command_list", title: "List commands",
            "Lists your running commands, one-shot ones and the newest of each session, and those "
                + "that ended in the last hour.",
            scopes: [.sessionsRead], hints: .looks(atTargets: false),
            routes: [.target("target"), .agent("agent"), .each(joining: "commands")],
            arguments: [Shared.onlyAgent.declaration],
            result: [commands.declaration, Shared.unanswered.declaration]))
}

/// A command in a list.
public struct CommandInfo: Sendable, Equatable {
    /// The handle.
    public var commandID: String
    /// `agent/host`.
    public var target: String
    /// The label of the principal it belongs to.
    public var owner: String
    /// The command line, cut at 200 characters.
    public var command: String
    /// The state of the command.
    public var state: RunState
    /// The exit code, when it ended with one.
    public var exitCode: Int?
    /// The signal that ended it.
    public var signal: String?
    /// Milliseconds from its start to its end, or to now.
    public var durationMS = 0
    /// The session it runs in; nil: it is a one-shot command.
    public var sessionID: String?

    private static let commandID = Field.text("command_id", "The command's id.")
    private static let target = Field.text("target", "Where it runs or ran.")
    private static let owner = Field.text("owner", "The name of the token that started it.")
    private static let command = Field.text("command", "The command line, cut at 200 characters.")
    private static let exitCode = RunResult.exitCode.optional

    static let members = [
        commandID.declaration, target.declaration, owner.declaration, command.declaration,
        RunResult.state.declaration, exitCode.declaration, RunResult.signal.declaration,
        RunResult.duration.declaration, RunResult.sessionID.declaration,
    ]

    /// A command to be filled in.
    public init(
        commandID: String, target: String, owner: String, command: String, state: RunState
    ) {
        self.commandID = commandID
        self.target = target
        self.owner = owner
        self.command = command
        self.state = state
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.commandID, commandID)
        members.put(Self.target, target)
        members.put(Self.owner, owner)
        members.put(Self.command, command)
        members.put(RunResult.state, state)
        members.put(Self.exitCode, exitCode)
        members.put(RunResult.signal, signal)
        members.put(RunResult.duration, durationMS)
        members.put(RunResult.sessionID, sessionID)
        return members.json
    }
}

/// The arguments of `command.cancel`.
public struct CancelCommand: CallArguments {
    /// The command.
    public var commandID: String
    /// The first signal; KILL follows after 2 s.
    ///
    /// In a session, INT and TERM come as Ctrl-C, TERM, KILL.
    public var signal: String

    private static let signal = Field.word(
        "signal", of: ["TERM", "INT", "HUP", "QUIT", "KILL"],
        "The signal to end the command with; KILL follows after 2 s. A session's command gets "
            + "Ctrl-C first for TERM and INT, then TERM, then KILL, 2 s apart."
    ).or("TERM")

    /// The most bytes of each output in the answer.
    public static let maxBytes = ExecuteCommand.maxBytes.absent ?? 0

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        commandID = try fields[Shared.commandID]
        signal = try fields[Self.signal]
    }

    static let row = MethodRow(
        does: "ends a command", deadline: Deadline(.seconds(15)), changesTargets: true,
        arguments: [Shared.commandID.declaration, signal.declaration], result: RunResult.members,
        tool: ToolRow(
            "ssh_command_cancel", title: "End a command",
            "Ends a command: the signal first, KILL two seconds later. In a session, what has the "
                + "terminal gets Ctrl-C, TERM and KILL; the session stays, and note says when the end is "
                + "not confirmed.",
            scopes: [.sessionsExec],
            hints: .changes(destructive: true, idempotent: true, atTargets: true),
            routes: [.command("command_id")], isLarge: true))
}
