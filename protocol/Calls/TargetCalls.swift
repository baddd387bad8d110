// `target.list`: its arguments, its result, its row.
public import JSON

/// The arguments of `target.list`.
public struct ListTargets: CallArguments {
    /// Keeps the targets whose name or host name contains this.
    public var query: String?
    /// Whether to check which targets are reachable.
    public var probe: Bool
    /// How many of the targets that match are left out at the front.
    public var offset: Int
    /// The most targets of an answer.
    public var limit: Int

    private static let query = Field.text(
        "query", "Keep targets whose name or host name contains this."
    ).optional
    private static let probe = Field.flag(
        "probe",
        "Also check which are reachable: dials all, logs in to none, takes up to 6 s."
    ).or(false)
    private static let offset = Field.count(
        "offset", "How many of the targets that match to pass over; left_out gives the next."
    ).or(0)
    /// The most targets of one answer: 1,000 have about 10,000 values, a tenth of what the relay
    /// takes.
    public static let largest = 1000
    private static let limit = Field.integer(
        "limit", in: 1...largest, "The most targets to list for each agent."
    ).or(300)
    private static let agent = Field.text("agent", "Keep the targets of this agent.").optional
    private static let targets = Field.objects("targets", TargetInfo.members, "The targets.")

    private static let leftOut = Field.text(
        "left_out", "What the list lacks, and how to get it."
    ).optional

    /// All targets, from the first.
    public init(query: String? = nil) {
        (self.query, probe, offset, limit) = (query, false, 0, 1000)
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        offset = try fields[Self.offset]
        limit = try fields[Self.limit]
        query = try fields[Self.query]
        probe = try fields[Self.probe]
    }

    /// The arguments of a call for as many targets as an answer has, from the one at `offset` on.
    public static func page(at offset: Int) -> JSON.Object {
        [Self.offset.name: .integer(offset), limit.name: .integer(largest)]
    }

    /// The entries of a result.
    public static func entries(of result: JSON.Object) -> [JSON] {
        result[targets.name]?.arrayValue ?? []
    }

    /// The result.
    public static func json(_ found: [TargetInfo], leftOut text: String? = nil) -> JSON {
        var members = Members()
        members.put(leftOut, text)
        members.put(targets, found.map(\.json))
        return members.json
    }

    static let row = MethodRow(
        does: "lists the named targets within the caller's reach",
        deadline: Deadline(.seconds(15)), changesTargets: false,
        arguments: [
            query.declaration, probe.declaration, offset.declaration, limit.declaration,
        ],
        result: [targets.declaration, leftOut.declaration],
        tool: ToolRow(
            "target_list", title: "List targets",
            """
            Lists the hosts that you can work on, written agent/host: the agent's ssh_config hosts \
            and agent/local, the agent's own machine. A host that is not listed can be given as \
            agent/user@host:port. With probe, reports which of them answer now.
            """,
            scopes: [.fleetRead], hints: .looks(atTargets: false),
            routes: [.agent("agent"), .each(joining: "targets")],
            arguments: [agent.declaration],
            result: [
                targets.declaration, Shared.leftOut.declaration, Shared.unanswered.declaration,
            ]))
}

/// A target in the list.
public struct TargetInfo: Sendable, Equatable {
    /// `agent/host`, as the other calls take it.
    public var target: String
    /// The name or address that the agent dials; nil for `local`.
    public var hostname: String?
    /// The port.
    public var port: Int?
    /// The user.
    public var user: String?
    /// The jump hosts on the way.
    public var via: String?
    /// Where the target is configured: `local`, `agent.conf`, `ssh_config`.
    public var source: String
    /// Whether an SSH server answers there; nil if not asked, or if only a login would tell.
    public var isReachable: Bool?
    /// Why it is not reachable, or why that is not known, or why it cannot be used.
    public var reason: String?
    /// What to know before using it.
    public var note: String?

    private static let target = Field.text(
        "target", "The target as agent/host, the form that the other tools take.")
    private static let hostname = Field.text(
        "hostname",
        "The name or address that the agent dials, where it is not the target's own name."
    ).optional
    private static let port = Field.integer(
        "port", in: 0...65535, "The port, where it is not 22."
    ).optional
    private static let user = Field.text("user", "The user to log in as.").optional
    private static let via = Field.text("via", "The jump hosts on the way.").optional
    private static let source = Field.text(
        "source", "Where it is configured: local, agent.conf or ssh_config."
    ).or("ssh_config")
    private static let reachable = Field.flag(
        "reachable",
        "With probe: whether an SSH server answers; absent where only a login would tell."
    ).optional
    private static let reason = Field.text(
        "reason", "Why it is not reachable, why that is not known, or why it cannot be used."
    ).optional
    private static let note = Field.text("note", "What to know before using it.").optional

    static let members = [
        target.declaration, hostname.declaration, port.declaration, user.declaration,
        via.declaration, source.declaration, reachable.declaration, reason.declaration,
        note.declaration,
    ]

    /// A target by name.
    public init(target: String, source: String) {
        self.target = target
        self.source = source
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.target, target)
        let isNamedSo = hostname.map { target.hasSuffix("/" + $0) } ?? true
        members.put(Self.hostname, isNamedSo ? nil : hostname)
        members.put(Self.port, port == 22 ? nil : port)
        members.put(Self.user, user)
        members.put(Self.via, via)
        members.put(Self.source, source)
        members.put(Self.reachable, isReachable)
        members.put(Self.reason, reason)
        members.put(Self.note, note)
        return members.json
    }
}
