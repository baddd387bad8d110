// The calls on commands that were started before, one-shot or in a session: `command.output`,
// `command.list`, `command.cancel`.
public import JSON

/// The arguments of `command.output`.
public struct ReadCommand: CallArguments {
    /// What a read waits for.
    public enum Goal: String, Sendable, CaseIterable {
        /// Output beyond the offsets, or the end.
        case output
        /// The end; of several commands, that of all.
        case end
        /// The end; of several commands, that of one.
        case first
    }

    /// The command.
    public var commandID: String
    /// Where to begin in the standard output; nil: at its beginning.
    public var stdoutOffset: Int?
    /// Where to begin in the standard error; nil: at its beginning.
    public var stderrOffset: Int?
    /// How long to wait for what `goal` says.
    public var wait: Duration
    /// What to wait for.
    public var goal: Goal
    /// A regular expression: waits until a line from the offsets on matches.
    public var until: String?
    /// How the outputs are shown.
    public var encoding: OutputEncoding
    /// The most bytes of each output in the answer.
    public var maxBytes: Int

    /// Whether the answer has head and tail of all output: nothing says where to begin, and the
    /// caller waits for the end.
    public var isWhole: Bool {
        stdoutOffset == nil && stderrOffset == nil && goal != .output && until == nil
    }

    private static let stdoutOffset = Field.count(
        "stdout_offset",
        "Where to begin in stdout. Absent: 0; with wait_for end or first, head and "
            + "tail."
    ).optional
    private static let stderrOffset = Field.count("stderr_offset", "Where to begin in stderr.")
        .optional
    private static let wait = Shared.wait(
        .zero, "How long to wait, at most, for what wait_for names.")
    private static let goal = Field<Goal>.choice(
        "wait_for",
        "output: new output, or the end. end: the end (with command_ids, of all). "
            + "first: with command_ids, the end of any one."
    ).or(.output)
    private static let until = Shared.until(
        "Wait until a line from the offsets on matches this regular expression, or the command ends"
    )
    private static let maxBytes = Shared.maxBytes(
        from: 1, "The most bytes of each output in the answer.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        commandID = try fields[Shared.commandID]
        stdoutOffset = try fields[Self.stdoutOffset]
        stderrOffset = try fields[Self.stderrOffset]
        wait = try fields[Self.wait]
        goal = try fields[Self.goal]
        until = try fields[Self.until]
        encoding = try fields[OutputEncoding.argument]
        maxBytes = try fields[Self.maxBytes]
    }

    /// The arguments of a call that is answered when the command has ended or 45 s are over, with
    /// head and tail of its output.
    public static func end(of id: String, atMost limit: JSON?) -> JSON.Object {
        var arguments: JSON.Object = [
            Shared.commandID.name: .string(id), wait.name: 45,
            goal.name: goal.encode(.end) ?? .null,
        ]
        arguments[maxBytes.name] = limit
        return arguments
    }

    static let row = MethodRow(
        does: "reads a command's output by offset",
        deadline: Deadline(.seconds(15), plus: [wait]), changesTargets: false, hasProgress: true,
        limit: maxBytes,
        arguments: [
            Shared.commandID.declaration, stdoutOffset.declaration, stderrOffset.declaration,
            wait.declaration, goal.declaration, until.declaration,
            OutputEncoding.argument.declaration, maxBytes.declaration,
        ],
        result: RunResult.members,
        tool: ToolRow(
            "ssh_command_output", title: "Read commands' output",
            """
            Reads a command's output from the given offsets on, and its state, which ssh_execute \
            explains; with wait_s it waits for output, for the end, or for a line that matches until. \
            While state is running, call it again from the next offsets. With command_ids it waits \
            for several commands (wait_for first: until one has ended), and results has one entry for \
            each. A session's command has all its output in stdout, and states as in \
            ssh_session_command.
            """,
            scopes: [.sessionsRead], hints: .looks(atTargets: true),
            routes: [.command("command_id")], isLarge: true, form: .run,
            arguments: [Shared.commandID.optional.declaration, SeveralCommands.ids.declaration],
            result: RunResult.members.map(\.optional) + SeveralCommands.members))
}

/// What the tool `ssh_command_output` adds to the call: several commands, and their results.
public enum SeveralCommands {
    /// The commands.
    public static let ids = Field.texts(
        "command_ids", atMost: 64,
        "Several commands, in place of command_id; without offsets and until."
    ).or([])
    /// The argument that says what to wait for.
    public static let goal = "wait_for"
    /// The argument that says how long to wait.
    public static let wait = "wait_s"
    /// The arguments that are for one command alone.
    public static let single = ["command_id", "stdout_offset", "stderr_offset", "until"]

    private static let error = Field.text("error", "Why this command could not be read.").optional
    private static let results = Field.objects(
        "results", RunResult.members.map(\.optional) + [error.declaration],
        "With command_ids: one result for each, in the order given."
    ).or([])
    private static let running = Field.count(
        "running", "With command_ids: how many of them have not ended."
    ).optional

    static let members = [results.declaration, running.declaration]

    /// The joined results.
    public static func json(_ all: [RawJSON], running count: Int) -> JSON {
        .object([results.name: .array(all.map { .raw($0) }), running.name: .integer(count)])
    }

    /// Whether a result is that of a command that has not ended.
    public static func isRunning(_ result: RawJSON) -> Bool {
        let members = (try? JSON.members(of: result.bytes)) ?? []
        guard let state = members.first(where: { $0.name == RunResult.state.name }),
            let text = try? JSON(parsing: Array(result.bytes[state.value])).stringValue
        else { return false }
        let isDetached = members.contains {
            $0.name == RunResult.detached.name && result.bytes[$0.value].elementsEqual("true".utf8)
        }
        return RunState(rawValue: text)?.isOver(isDetached: isDetached) == false
    }

    /// The entry of a command that could not be read.
    public static func entry(_ id: String, error text: String) -> RawJSON {
        RawJSON(.object([Shared.commandID.name: .string(id), error.name: .string(text)]))
    }
}

/// The arguments of `command.list`.
public struct ListCommands: CallArguments {
    /// Keeps the commands on this target.
    public var target: String?
    /// Keeps those in this state.
    public var state: RunState?
    /// The most commands in the answer.
    public var limit: Int

    /// The list of commands.
    public static let commands = Field.objects(
        "commands", CommandInfo.members, "The commands, the newest first.")
    private static let more = Field.count(
        "more", "How many older ones are left out: raise limit, or filter by state or target."
    ).or(0)
    private static let state = Field<RunState>.choice(
        "state", "Keep the commands in this state; running: those that have not ended."
    ).optional
    private static let limit = Field.integer(
        "limit", in: 1...200, "The most commands in the answer."
    ).or(20)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Shared.onlyTarget]
        state = try fields[Self.state]
        limit = try fields[Self.limit]
    }

    /// The result; `more`: how many are left out.
    public static func json(_ found: [CommandInfo], more count: Int) -> JSON {
        var members = Members()
        members.put(commands, found.map(\.json))
        members.put(more, count)
        return members.json
    }

    /// The lists of several agents as one: the newest `limit`, and how many are left out.
    public static func joined(_ lists: [JSON], limit: Int) -> JSON.Object {
        let all = lists.flatMap { $0[commands.name]?.arrayValue ?? [] }
        let newest = all.enumerated().sorted { one, other in
            let (a, b) = (CommandInfo.age(of: one.element), CommandInfo.age(of: other.element))
            return (a, one.offset) < (b, other.offset)
        }
        let left = lists.reduce(0) { sum, list in
            sum.addingReportingOverflow(Int(clamping: list[more.name]?.intValue ?? 0)).partialValue
        }
        var members = Members()
        members.put(commands, newest.prefix(limit).map(\.element))
        members.put(more, max(0, left) + max(0, all.count - limit))
        return members.json.objectValue ?? [:]
    }

    static let row = MethodRow(
        does: "lists the caller's commands: running ones and, for an hour, ended ones",
        deadline: Deadline(.seconds(15)), changesTargets: false,
        arguments: [
            Shared.onlyTarget.declaration, state.declaration, limit.declaration,
        ], result: [commands.declaration, more.declaration],
        tool: ToolRow(
            "ssh_command_list", title: "List commands",
            "Lists your running commands, one-shot ones and the newest of each session, and those "
                + "that ended in the last hour; the newest first. ssh_command_output follows one.",
            scopes: [.sessionsRead], hints: .looks(atTargets: false),
            routes: [.target("target"), .agent("agent"), .each(joining: "commands")],
            arguments: [Shared.onlyAgent.declaration],
            result: [commands.declaration, more.declaration, Shared.unanswered.declaration]))
}

/// A command in a list.
public struct CommandInfo: Sendable, Equatable {
    /// The handle.
    public var commandID: String
    /// `agent/host`.
    public var target: String
    /// The label of the principal it belongs to; nil: the caller's own.
    public var owner: String?
    /// The command line, cut at 200 characters.
    public var command: String
    /// The state of the command.
    public var state: RunState
    /// The exit code, when it ended with one.
    public var exitCode: Int?
    /// The signal that ended it.
    public var signal: String?
    /// Seconds since its start.
    public var startedSecondsAgo = 0
    /// Milliseconds from its start to its end, or to now.
    public var durationMS = 0
    /// Whether it outlives the agent and its connection.
    public var isDetached = false
    /// The session it runs in; nil: it is a one-shot command.
    public var sessionID: String?

    private static let commandID = Field.text("command_id", "The command's id.")
    private static let target = Field.text("target", "Where it runs or ran.")
    private static let owner = Field.text(
        "owner", "The name of the token that started it. Absent: yours."
    ).optional
    private static let started = Field.count("started_s_ago", "Seconds since its start.")
        .optional
    private static let command = Field.text("command", "The command line, cut at 200 characters.")
    private static let exitCode = RunResult.exitCode.optional

    /// How long ago a listed command began, for the order of joined lists.
    static func age(of entry: JSON) -> Int64 { entry[started.name]?.intValue ?? .max }

    static let members = [
        commandID.declaration, target.declaration, owner.declaration, command.declaration,
        RunResult.state.declaration, exitCode.declaration, RunResult.signal.declaration,
        started.declaration, RunResult.duration.declaration, RunResult.detached.declaration,
        RunResult.sessionID.declaration,
    ]

    /// A command to be filled in.
    public init(
        commandID: String, target: String, owner: String?, command: String, state: RunState
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
        members.put(Self.started, startedSecondsAgo)
        members.put(RunResult.duration, durationMS)
        members.put(RunResult.detached, isDetached)
        members.put(RunResult.sessionID, sessionID)
        return members.json
    }
}

/// The arguments of `command.cancel`.
public struct CancelCommand: CallArguments {
    /// The command.
    public var commandID: String
    /// The first signal; KILL follows after 5 s.
    ///
    /// In a session, INT and TERM come as Ctrl-C, TERM, KILL.
    public var signal: String

    private static let signal = Field.word(
        "signal", of: ["TERM", "INT", "HUP", "QUIT", "KILL"],
        "The signal to begin with; KILL follows after 5 s. A session's command gets "
            + "Ctrl-C, TERM, KILL, 2 s apart."
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
            "Ends a command with everything it has started: the signal first, KILL five seconds later. "
                + "In a session, what has the terminal gets Ctrl-C, TERM and KILL; the session stays. "
                + "state is then cancelled, or as it had ended before; note says when the end is not "
                + "confirmed.",
            scopes: [.sessionsExec],
            hints: .changes(destructive: true, idempotent: true, atTargets: true),
            routes: [.command("command_id")], isLarge: true, form: .run))
}
