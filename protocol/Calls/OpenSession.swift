// `session.open`: its arguments, its result, its row.
public import JSON

/// What to treat the other end of a session as.
public enum ShellChoice: String, Sendable, CaseIterable {
    /// A Unix shell, which is asked for its kind.
    case auto
    case bash, dash, ash, zsh, mksh, fish, tcsh
    /// A device with its own command line.
    case network
    /// Anything else: only sending text and keys, and reading output.
    case raw
}

/// The arguments of `session.open`.
public struct OpenSession: CallArguments {
    /// `agent/host`; the agent reads what follows the first slash.
    ///
    /// Empty with `reopen`.
    public var target: String
    /// An ended session, for which to start a new shell.
    public var reopen: String?
    /// A name for people.
    public var name: String?
    /// How to enter the target.
    public var access: TargetAccess
    /// The terminal's width.
    public var columns: Int
    /// The terminal's height.
    public var rows: Int
    /// `TERM`.
    public var terminal: String
    /// What to treat the other end as.
    public var shell: ShellChoice
    /// Whether to keep the session when it is idle.
    public var isPersistent: Bool
    /// Idle time after which the session is closed.
    public var idleTimeout: Duration
    /// The limit on reaching the target.
    public var connectTimeout: Duration
    /// The limit on logging in and starting the shell.
    public var loginTimeout: Duration
    /// Retries after transient failures, within `connectTimeout`.
    public var retries: Int

    private static let target = Shared.target.optional
    private static let reopen = Field.text(
        Shared.reopen,
        "In place of target: a session whose state is link_lost or shell_exited; a new "
            + "shell starts in its directory, with its exported variables (see restored)."
    ).optional
    private static let name = Field.text(
        "name", atMost: Contract.nameBytes, "A name for the session."
    ).optional
    /// The width of a terminal whose caller names none: the least of those measured at which twenty
    /// everyday commands cut nothing (docs/sessions.md has the table).
    public static let defaultColumns = 320
    static let columns = Field.integer("cols", in: 20...1000, "The terminal's width in characters.")
    static let rows = Field.integer("rows", in: 5...500, "The terminal's height in rows.")
    private static let (termColumns, termRows) = (columns.or(defaultColumns), rows.or(50))
    private static let termType = Field.text(
        "type", atMost: Contract.nameBytes, "The value of TERM."
    ).or("xterm-256color")
    private static let term = Field.object(
        "term", [termColumns.declaration, termRows.declaration, termType.declaration],
        "The terminal."
    ).optional
    private static let shell = Field<ShellChoice>.choice(
        "shell",
        "The other end. auto: a Unix shell. network: a switch or router, where "
            + "commands end at its learned prompt, without an exit code. raw: anything else; "
            + "only ssh_session_send and ssh_session_read work."
    ).or(.auto)
    static let persistent = Field.flag("persistent", "Never close the session for being idle.")
    private static let isPersistent = persistent.or(false)
    static let idle = Field.seconds(
        "idle_timeout_s", in: 1...604_800,
        "Close the session when it has been idle for this long.")
    private static let idleTimeout = idle.or(.seconds(1800))
    private static let connectTimeout = Field.seconds(
        "connect_timeout_s", in: 1...300, "The limit on reaching the host."
    ).or(.seconds(30))
    private static let loginTimeout = Field.seconds(
        "login_timeout_s", in: 1...300,
        "The limit on logging in and starting the shell; a login that waits for a "
            + "person has 60 s."
    ).or(.seconds(30))
    private static let retries = Field.integer(
        "retries", in: 0...10,
        "Retries after transient failures, within connect_timeout_s."
    ).or(3)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        reopen = try fields[Self.reopen]
        if reopen == nil {
            target = try fields[Shared.target]
        } else {
            target = ""
            guard try fields[Self.target] == nil else {
                throw Fault(.invalidArgument, "give either \"target\" or \"reopen\"")
            }
        }
        name = try fields[Self.name]
        access = try TargetAccess(fields)
        let term = try fields.inside(Self.term)
        columns = try term[Self.termColumns]
        rows = try term[Self.termRows]
        terminal = try term[Self.termType]
        shell = try fields[Self.shell]
        isPersistent = try fields[Self.isPersistent]
        idleTimeout = try fields[Self.idleTimeout]
        connectTimeout = try fields[Self.connectTimeout]
        loginTimeout = try fields[Self.loginTimeout]
        retries = try fields[Self.retries]
    }

    static let row = MethodRow(
        does: "opens a shell",
        deadline: Deadline(
            .seconds(15), plus: [connectTimeout, loginTimeout], with: ("reopen", .seconds(25))),
        changesTargets: true,
        arguments: [target.declaration, reopen.declaration, name.declaration]
            + TargetAccess.arguments
            + [
                term.declaration, shell.declaration, isPersistent.declaration,
                idleTimeout.declaration, connectTimeout.declaration, loginTimeout.declaration,
                retries.declaration,
            ],
        result: SessionOpened.members,
        tool: ToolRow(
            "ssh_session_open", title: "Open a session",
            """
            Opens a shell on a host through its agent and keeps it open: directory, variables and \
            background jobs stay between ssh_session_command calls. Give it a name, which all tools \
            take in place of session_id; close it when done. state is done at the shell's prompt; in \
            line_input, secret or fullscreen the login asks something first: answer it with \
            ssh_session_send, as note says.
            """,
            scopes: [.sessionsExec],
            hints: .changes(destructive: false, idempotent: false, atTargets: true),
            routes: [.session("reopen"), .target("target")], form: .opened))
}

/// The result of `session.open`.
public struct SessionOpened: Sendable {
    /// The session.
    public var info: SessionInfo
    /// What the target showed at login, cleaned, at most 4 KiB.
    public var banner: String
    /// The host key's type and SHA-256 fingerprint; nil for `local`.
    public var hostKey: String?
    /// Milliseconds it took.
    public var durationMS: Int
    /// The program of the login that asks something; nil: the shell, or nothing asks.
    public var foreground: String?
    /// The prompt of what the login asks.
    public var prompt: String?
    /// What to do about a login that asks.
    public var note: String?
    /// The session that this shell replaces, and what was restored from it.
    public var reopened: (from: String, restored: Restored)?

    private static let banner = Field.text(
        "banner", "What the host showed at login, at most 4 KiB."
    ).or("")
    private static let hostKey = Field.text(
        "host_key", "The type and SHA-256 fingerprint of the host's key; absent for local."
    ).optional
    private static let durationMS = Field.count("duration_ms", "Milliseconds that opening took.")
    private static let foreground = Field.text(
        "foreground", "The program of the login that has the terminal, when it is not the shell."
    ).optional
    private static let prompt = Field.text(
        "prompt", "The prompt of what the login asks."
    ).optional
    private static let reopenedFrom = Field.text(
        "reopened_from", "The session that this new shell replaces."
    ).optional
    private static let restored = Field.object(
        "restored", Restored.members, "What was restored from the old shell."
    ).optional
    private static let note = Field.text("note", "A remark on this result.").optional

    static let members =
        SessionInfo.members + [
            banner.declaration, hostKey.declaration, durationMS.declaration,
            foreground.declaration, prompt.declaration,
            reopenedFrom.declaration, restored.declaration, note.declaration,
        ]

    /// A session that was opened.
    public init(info: SessionInfo, banner: String, hostKey: String?, durationMS: Int) {
        self.info = info
        self.banner = banner
        self.hostKey = hostKey
        self.durationMS = durationMS
    }

    /// As an object.
    public var json: JSON {
        var members = info.written
        members.put(Self.banner, banner)
        members.put(Self.hostKey, hostKey)
        members.put(Self.durationMS, durationMS)
        members.put(Self.foreground, foreground)
        members.put(Self.prompt, prompt)
        members.put(Self.reopenedFrom, reopened?.from)
        members.put(Self.restored, reopened?.restored.json)
        members.put(Self.note, note ?? reopened.map { _ in Restored.note })
        return members.json
    }
}

/// What a new shell was given from an ended one.
public struct Restored: Sendable, Equatable {
    /// The directory it was brought to; nil if that was not known or no longer exists.
    public var directory: String?
    /// The names of the variables it was given.
    public var variables: [String] = []

    private static let directory = Field.text(
        "cwd", "Its directory; absent if that was not known or no longer exists."
    ).optional
    private static let variables = Field.texts("variables", "The names of its exported variables.")
        .or([])

    static let members = [directory.declaration, variables.declaration]

    /// Nothing restored yet.
    public init() {}

    static let note =
        "this is a new shell: directory and exported variables as in restored; functions, aliases, "
        + "options, other variables and running programs of the old one are gone"

    var json: JSON {
        var members = Members()
        members.put(Self.directory, directory)
        members.put(Self.variables, variables)
        return members.json
    }
}
