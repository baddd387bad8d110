// `principal.list` and `principal.end`: whose sessions and commands an agent holds, and their end
// when the relay's operator revokes a principal's token. The relay makes these calls for itself.
public import JSON

/// The result of `principal.list`.
public struct PrincipalList: Sendable, Equatable {
    /// The ids of the principals, each once.
    public var ids: [String]

    private static let ids = Field.texts(
        "principals", "The ids of the principals whose sessions or running commands it holds.")

    /// A list of these ids.
    public init(_ ids: [String]) { self.ids = ids }

    /// Reads a result.
    public init(_ fields: Fields) throws(Fault) { ids = try fields[Self.ids] }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.ids, ids)
        return members.json
    }

    static let row = MethodRow(
        does: "lists the principals whose sessions or running commands the agent holds",
        deadline: Deadline(.seconds(10)), changesTargets: false, result: [ids.declaration])
}

/// The arguments of `principal.end`.
public struct EndPrincipal: CallArguments {
    /// The principal's id.
    public var id: String

    private static let id = Field.text(
        "principal", "The id of the principal whose token was revoked.")

    /// Asks for the end of a principal.
    public init(_ id: String) { self.id = id }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { id = try fields[Self.id] }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.id, id)
        return members.json
    }

    static let row = MethodRow(
        does:
            "closes the sessions of a principal whose token was revoked, ends its commands, and "
            + "serves it no more; a site that is read-only does this too",
        deadline: Deadline(.seconds(10)), changesTargets: false, arguments: [id.declaration],
        result: EndedPrincipal.members)
}

/// The result of `principal.end`.
public struct EndedPrincipal: Sendable, Equatable {
    /// Sessions that were closed.
    public var sessions: Int
    /// Running commands that were ended.
    public var commands: Int

    private static let sessions = Field.count("sessions", "Sessions that were closed.")
    private static let commands = Field.count("commands", "Running commands that were ended.")

    static let members = [sessions.declaration, commands.declaration]

    /// What was ended.
    public init(sessions: Int, commands: Int) {
        self.sessions = sessions
        self.commands = commands
    }

    /// Reads a result.
    public init(_ fields: Fields) throws(Fault) {
        sessions = try fields[Self.sessions]
        commands = try fields[Self.commands]
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.sessions, sessions)
        members.put(Self.commands, commands)
        return members.json
    }
}
