// `command.execute`: one command on one target, without a session. Its tool takes several targets
// (ExecuteTargets) and joins their results (ExecuteReport).
import JSON

/// What runs a command line at its target.
public enum CommandShell: String, Sendable, CaseIterable {
    /// The account's Unix shell, unless the agent's configuration says that it has none.
    case auto
    /// /bin/sh, whatever the account's shell is.
    case sh
    /// A program that is not a Unix shell.
    case none
}

/// The arguments of `command.execute`, for one target.
public struct ExecuteCommand: CallArguments {
    /// `agent/host`; the agent reads what follows the first slash.
    public var target: String
    /// The command line, for the user's shell at the target.
    public var command: String
    /// The command's standard input.
    public var input: String
    /// Variables to set for it.
    public var environment: [(String, String)]
    /// The directory it runs in; nil for the user's home.
    public var directory: String?
    /// Whether it gets a terminal (then stderr is part of stdout).
    public var hasTerminal: Bool
    /// How long to wait for the command to end before answering with state `running`.
    public var wait: Duration
    /// When to end it (TERM, then KILL); nil: it runs until it ends.
    public var timeout: Duration?
    /// Whether to answer at once with the command's id.
    public var isBackground: Bool
    /// Whether it is to outlive the agent and its connection.
    public var isDetached: Bool
    /// The most bytes of each output in the answer.
    public var maxBytes: Int
    /// How the outputs are shown.
    public var encoding: OutputEncoding
    /// What runs the command line at the target.
    public var shell: CommandShell
    /// How to enter the target.
    public var access: TargetAccess

    private static let command = Field.text(
        "command", atMost: Contract.contentBytes,
        "The command line for the user's shell at the target.")
    private static let input = Field.text(
        "stdin", atMost: Contract.contentBytes,
        "The command's standard input, followed by end of input. Absent: empty."
    ).or("")
    private static let environment = Field.pairs(
        "env", atMost: 200, "Variables to set for the command."
    ).optional
    private static let directory = Field.text(
        "cwd",
        "The directory to run in; the default is the user's home, ~."
    ).optional
    private static let shell = Field<CommandShell>.choice(
        "shell",
        "What runs the command. auto: the account's login shell. sh: /bin/sh, whatever "
            + "the login shell is (fish, csh). none: the account runs no shell (a forced "
            + "command, git-shell, a network device): it gets the command as it is, without "
            + "env and cwd."
    ).or(.auto)
    private static let hasTerminal = Field.flag(
        "pty", "Give the command a terminal; stderr is then part of stdout."
    ).or(false)
    private static let wait = Shared.wait(
        .seconds(10),
        "How long to wait for the end before answering with state running.")
    private static let timeout = Field.seconds(
        "timeout_s", in: 0.1...86_400,
        "End the command after this time. Absent: after 180 s; with background or "
            + "detached never."
    ).optional
    /// When a command ends whose caller has said neither when nor that it is for the background.
    private static let usualTimeout = Duration.seconds(180)
    static let isBackground = Field.flag(
        "background",
        "Answer at once with the command's id; follow it with ssh_command_output."
    ).or(false)
    static let isDetached = Field.flag(
        "detached",
        "Start the command so that it outlives the agent and its connection (answers after "
            + "wait_s; at once with background): its "
            + "output goes to ~/.homeline/jobs at the target, and its command_id finds it "
            + "again. Unix targets, without pty, timeout_s and password; on agent/local it "
            + "ends with an agent that systemd restarts."
    ).or(false)
    static let maxBytes = Shared.maxBytes(
        from: 0,
        "The most bytes of each output in the answer, cut to head and tail.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Shared.target]
        command = try fields[Self.command]
        input = try fields[Self.input]
        environment = try fields[Self.environment] ?? []
        directory = try fields[Self.directory]
        hasTerminal = try fields[Self.hasTerminal]
        wait = try fields[Self.wait]
        isBackground = try fields[Self.isBackground]
        isDetached = try fields[Self.isDetached]
        let isUnlimited = isBackground || isDetached
        timeout = try fields[Self.timeout] ?? (isUnlimited ? nil : Self.usualTimeout)
        encoding = try fields[OutputEncoding.argument]
        maxBytes = try fields[Self.maxBytes]
        shell = try fields[Self.shell]
        access = try TargetAccess(fields)
        guard !isDetached || timeout == nil && !hasTerminal && shell != .none else {
            throw Fault(
                .invalidArgument,
                "a \"detached\" command has no \"pty\", no \"timeout_s\" (begin it with timeout(1)) and"
                    + " needs a Unix shell: leave these out")
        }
        guard !isDetached || access.password == nil else {
            throw Fault(
                .invalidArgument,
                "a \"detached\" command is found again by new logins, for which no \"password\" is"
                    + " kept: use a key, ssh-agent or \"secret\"")
        }
    }

    static let row = MethodRow(
        does: "runs one command without a session",
        // Reaching the target and logging in come before the wait for the command, and are not part
        // of it.
        deadline: Deadline(.seconds(75), plus: [wait]), changesTargets: true, hasProgress: true,
        limit: maxBytes,
        arguments: [
            Shared.target.declaration, command.declaration, input.declaration,
            environment.declaration, directory.declaration, hasTerminal.declaration,
            wait.declaration, timeout.declaration, isBackground.declaration, isDetached.declaration,
            maxBytes.declaration,
            OutputEncoding.argument.declaration, shell.declaration,
        ] + TargetAccess.arguments,
        result: RunResult.members,
        tool: ToolRow(
            "ssh_execute", title: "Run a command on targets",
            """
            Runs one command on one or many targets in the account's login shell, with empty stdin \
            unless given, and with separate stdout, stderr and exit code. Nothing is kept between \
            calls; to keep state, open a session. state is done (exit_code or signal); running: \
            ssh_command_output goes on; timed_out (timeout_s), cancelled; link_lost, \
            ended_without_status: how it ended is not known; not_run: see note. targets takes globs \
            and tags; dry_run shows what they stand for. With several targets, read summary first.
            """,
            scopes: [.sessionsExec],
            hints: .changes(destructive: true, idempotent: false, atTargets: true),
            routes: [.target("target")], isLarge: true, form: .report,
            arguments: ExecuteTargets.arguments, result: ExecuteReport.members))
}
