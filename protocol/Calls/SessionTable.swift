// The calls on the table of sessions: `session.update`, `session.list`, `session.close`.
public import JSON

/// The arguments of `session.update`: an absent argument leaves its value unchanged.
public struct UpdateSession: CallArguments {
    /// The session.
    public var sessionID: String
    /// A new name; an empty one removes it.
    public var name: String?
    /// Whether it is kept when idle.
    public var isPersistent: Bool?
    /// The terminal's width.
    public var columns: Int?
    /// The terminal's height.
    public var rows: Int?
    /// Idle time after which the session is closed.
    public var idleTimeout: Duration?

    private static let name = Field.text(
        "name", atMost: Contract.nameBytes, "A new name; an empty one removes it."
    )
    .optional
    private static let persistent = OpenSession.persistent.optional
    private static let (columns, rows) = (OpenSession.columns.optional, OpenSession.rows.optional)
    private static let idleTimeout = OpenSession.idle.optional

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields[Shared.sessionID]
        name = try fields[Self.name]
        isPersistent = try fields[Self.persistent]
        columns = try fields[Self.columns]
        rows = try fields[Self.rows]
        idleTimeout = try fields[Self.idleTimeout]
    }

    static let row = MethodRow(
        does: "changes a session's name, idle time or terminal size",
        deadline: Deadline(.seconds(25)),
        changesTargets: false,
        arguments: [
            Shared.sessionID.declaration, name.declaration, persistent.declaration,
            idleTimeout.declaration, columns.declaration, rows.declaration,
        ],
        result: SessionInfo.members,
        tool: ToolRow(
            "ssh_session_update", title: "Change a session",
            """
            Changes the given values and keeps the others: name, idle time, or the terminal's size \
            (the running program is notified and redraws). Returns the session.
            """,
            scopes: [.sessionsExec],
            hints: .changes(destructive: false, idempotent: true, atTargets: false),
            routes: [.session("session_id")]))
}

/// The arguments of `session.list`.
public struct ListSessions: CallArguments {
    /// Keeps the sessions on this target.
    public var target: String?

    private static let sessions = Field.objects(
        "sessions", SessionInfo.members, "The sessions.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { target = try fields[Shared.onlyTarget] }

    /// The entries of a result.
    public static func entries(of result: JSON.Object) -> [JSON] {
        result[sessions.name]?.arrayValue ?? []
    }

    /// The result.
    public static func json(_ found: [SessionInfo]) -> JSON {
        var members = Members()
        members.put(sessions, found.map(\.json))
        return members.json
    }

    static let row = MethodRow(
        does: "lists the caller's sessions", deadline: Deadline(.seconds(15)),
        changesTargets: false, arguments: [Shared.onlyTarget.declaration],
        result: [sessions.declaration],
        tool: ToolRow(
            "ssh_session_list", title: "List sessions",
            "Lists your open sessions with their state (done: at the prompt), directory and idle time.",
            scopes: [.sessionsRead], hints: .looks(atTargets: false),
            routes: [.target("target"), .agent("agent"), .each(joining: "sessions")],
            arguments: [Shared.onlyAgent.declaration],
            result: [sessions.declaration, Shared.unanswered.declaration]))
}

/// The arguments of `session.close`: one session, or all of the caller's.
public struct CloseSession: CallArguments {
    /// The session; nil for all sessions.
    public var sessionID: String?

    private static let sessionID = Shared.sessionID.optional
    private static let all = Field.flag("all", "Close all your sessions, in place of one.")
        .or(false)
    private static let closed = Field.texts("closed", "The ids of the sessions that were closed.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        sessionID = try fields[Self.sessionID]
        guard (sessionID != nil) != (try fields[Self.all]) else {
            throw Fault(
                .invalidArgument,
                "say which session to close: give \"session_id\" (ssh_session_list shows them), or"
                    + " \"all\": true to close every session of yours, and not both")
        }
    }

    /// The result.
    public static func json(closed ids: [String]) -> JSON {
        var members = Members()
        members.put(closed, ids)
        return members.json
    }

    static let row = MethodRow(
        does: "closes one session, or all of the caller's", deadline: Deadline(.seconds(15)),
        changesTargets: true, arguments: [sessionID.declaration, all.declaration],
        result: [closed.declaration],
        tool: ToolRow(
            "ssh_session_close", title: "Close sessions",
            """
            Closes a session (or, with all, every one of yours): its shell and what runs in it get a \
            hang-up.
            """,
            scopes: [.sessionsExec],
            hints: .changes(destructive: true, idempotent: true, atTargets: false),
            routes: [.session("session_id"), .each(joining: "closed")],
            result: [closed.declaration, Shared.unanswered.declaration]))
}
