// A session as clients see it: in lists, and in the answers to opening and changing it.
public import JSON

/// A session in results.
public struct SessionInfo: Sendable, Equatable {
    /// The handle.
    public var sessionID: String
    /// `agent/host`.
    public var target: String
    /// The name, if it has one.
    public var name: String?
    /// The label of the principal it belongs to; nil: the caller's own.
    public var owner: String?
    /// `bash`, `zsh`, ….
    public var shell: String
    /// How many nested shells were adopted.
    public var depth = 0
    /// The shell's working directory, if known.
    public var cwd: String?
    /// The state of the last command, or of a login that asks; `done` when the shell is at its
    /// prompt.
    public var state: CommandState
    /// The command that runs, cut to 200 characters.
    public var command: String?
    /// Seconds since it was last used.
    public var idleSeconds: Int
    /// The idle time in seconds after which it is closed; 0 for never (persistent).
    public var idleTimeoutSeconds: Int
    /// The offset of the next read.
    public var nextOffset: Int
    /// The terminal's width.
    public var columns: Int
    /// The terminal's height.
    public var rows: Int

    private static let sessionID = Field.text("session_id", "The session's id.")
    private static let target = Field.text("target", "The session's host, as agent/host.")
    private static let name = Field.text("name", "Its name.").optional
    private static let owner = Field.text(
        "owner", "The name of the token that opened it. Absent: yours."
    ).optional
    private static let shell = Field.text(
        "shell", "The shell that is driven: bash, zsh, fish and so on.")
    private static let depth = Field.count(
        "depth", "How many nested shells were adopted; shell is the innermost."
    ).or(0)
    private static let cwd = Field.text("cwd", "The shell's working directory, if known.").optional
    private static let state = Field<CommandState>.choice(
        "state",
        "The state of the last command, or of a login that asks something; done at the prompt.")
    private static let command = Field.text(
        "command", "The command that runs, cut at 200 characters."
    ).optional
    private static let idle = Field.count("idle_s", "Seconds since it was last used.").or(0)
    private static let idleTimeout = Field.count(
        "idle_timeout_s", "Close after this many idle seconds; 0: never (persistent)."
    ).or(1800)
    private static let nextOffset = Field.count(
        "next_offset", "The offset of the next read of its output."
    ).or(0)
    private static let columns = Field.count("cols", "The terminal's width in characters.")
        .or(OpenSession.defaultColumns)
    private static let rows = Field.count("rows", "The terminal's height in rows.").or(50)

    /// The id and the name of a listed session, whether it is the caller's own, and whether it has
    /// ended; nil: it has no name.
    public static func named(
        _ entry: JSON
    ) -> (id: String, name: String, isOwn: Bool, isEnded: Bool)? {
        guard let id = entry[sessionID.name]?.stringValue, let name = entry[name.name]?.stringValue
        else { return nil }
        let state = entry[state.name]?.stringValue.flatMap(CommandState.init(rawValue:))
        let isEnded = [.shellExited, .linkLost].contains(state)
        return (id, name, entry[owner.name] == nil, isEnded)
    }

    static let members = [
        sessionID.declaration, target.declaration, name.declaration, owner.declaration,
        shell.declaration, depth.declaration, cwd.declaration, state.declaration,
        command.declaration, idle.declaration, idleTimeout.declaration, nextOffset.declaration,
        columns.declaration, rows.declaration,
    ]

    /// A session by its handle.
    public init(
        sessionID: String, target: String, name: String?, owner: String?, shell: String,
        cwd: String?, state: CommandState, command: String?, idleSeconds: Int,
        idleTimeoutSeconds: Int, nextOffset: Int, columns: Int, rows: Int
    ) {
        self.sessionID = sessionID
        self.target = target
        self.name = name
        self.owner = owner
        self.shell = shell
        self.cwd = cwd
        self.state = state
        self.command = command
        self.idleSeconds = idleSeconds
        self.idleTimeoutSeconds = idleTimeoutSeconds
        self.nextOffset = nextOffset
        self.columns = columns
        self.rows = rows
    }

    /// As an object.
    public var json: JSON { written.json }

    var written: Members {
        var members = Members()
        members.put(Self.sessionID, sessionID)
        members.put(Self.target, target)
        members.put(Self.name, name)
        members.put(Self.owner, owner)
        members.put(Self.shell, shell)
        members.put(Self.depth, depth)
        members.put(Self.cwd, cwd)
        members.put(Self.state, state)
        members.put(Self.command, command)
        members.put(Self.idle, idleSeconds)
        members.put(Self.idleTimeout, idleTimeoutSeconds)
        members.put(Self.nextOffset, nextOffset)
        members.put(Self.columns, columns)
        members.put(Self.rows, rows)
        return members
    }
}
