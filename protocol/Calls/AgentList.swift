// The tool `agent_list`, which the relay answers by itself: its arguments, its entries, its row.
public import JSON

/// The arguments of `agent_list`.
public struct ListAgents: CallArguments {
    /// Keeps agents of whose name, purpose, tags, host name or facts one contains this.
    public var query: String?
    /// Keeps agents with all these tags.
    public var tags: [String]
    /// Keeps agents that have this capability.
    public var capability: String?
    /// Keeps agents that are, or are not, connected.
    public var isOnline: Bool?

    private static let query = Field.text(
        "query",
        "Keep agents whose name, purpose, tags, host name, release, architecture or "
            + "capabilities contain this."
    ).optional
    private static let capability = Field.text(
        "capability", "Keep agents that have this capability, such as docker, zfs, apt or sftp."
    ).optional
    private static let tags = Field.texts("tags", atMost: 32, "Keep agents with all these tags.")
        .or([])
    private static let online = Field.flag(
        "online", "Keep agents that are (or are not) connected now."
    ).optional
    private static let agents = Field.objects("agents", AgentEntry.members, "The agents, by name.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        query = try fields[Self.query]
        tags = try fields[Self.tags]
        capability = try fields[Self.capability]
        isOnline = try fields[Self.online]
    }

    /// The result.
    public static func json(_ found: [AgentEntry]) -> JSON {
        var members = Members()
        members.put(agents, found.map(\.json))
        return members.json
    }

    /// The tool.
    public static let tool = ToolRow(
        "agent_list", title: "List agents",
        """
        Lists the agents: the machines at each site that reach its hosts. Start here, then \
        target_list for the hosts an agent can reach.
        """,
        scopes: [.fleetRead], hints: .looks(atTargets: false), routes: [.relay],
        arguments: [
            query.declaration, tags.declaration, capability.declaration, online.declaration,
        ],
        result: [agents.declaration])
}

/// An agent, as the relay reports it.
public struct AgentEntry: Sendable, Equatable {
    /// Its name.
    public var agent: String
    /// Its id.
    public var id: String
    /// Whether it is connected now.
    public var isOnline: Bool
    /// What it is for, one line.
    public var purpose: String
    /// The tags that its operator gave it.
    public var tags: [String]
    /// The tags that it gave itself; they grant nothing.
    public var ownTags: [String] = []
    /// What it last said of its machine; nil if it has said nothing yet.
    public var facts: AgentFacts?
    /// When its current connection began, RFC 3339.
    public var since: String?
    /// The address of the relay that its current connection was dialled at, as it says.
    public var address: String?
    /// The last round trip of its tunnel, in milliseconds.
    public var roundTripMS: Double?
    /// When it was last connected, RFC 3339, while it is offline.
    public var lastSeen: String?
    /// How often it came back since the relay started.
    public var reconnects = 0
    /// What is wrong with it, and what to do.
    public var warning: String?
    /// When its name, tags or purpose were last changed, RFC 3339.
    public var changed: String?
    /// Who changed them.
    public var changedBy: String?

    private static let agent = Field.text(
        "agent", "The agent's name: the part of a target before the slash.")
    private static let id = Field.text("id", "The agent's id, which a new name does not change.")
    private static let online = Field.flag("online", "Whether it is connected now.")
    private static let purpose = Field.text("purpose", "What the agent is for.").or("")
    private static let tags = Field.texts("tags", "Its tags, given by the operator of the relay.")
        .or([])
    private static let ownTags = Field.texts(
        "own_tags", "The tags that it gave itself when it joined; no right depends on them."
    ).or([])
    private static let version = Field.text("version", "The version of the agent program.").or("")
    private static let hostname = Field.text("hostname", "The agent machine's name.").or("")
    private static let architecture = Field.text(
        "architecture", "The machine's processor architecture: x86_64 or arm64."
    ).or("")
    private static let since = Field.text("since", "When its connection began, RFC 3339.").optional
    private static let address = Field.text(
        "relay_address", "The relay's address that the agent dialled for this connection."
    ).optional
    private static let roundTrip = Field.number(
        "rtt_ms", "The last round trip of its tunnel, in milliseconds."
    ).optional
    private static let lastSeen = Field.text(
        "last_seen", "When it was last connected, RFC 3339; only while it is offline."
    ).optional
    private static let reconnects = Field.count(
        "reconnects", "How often it came back since the relay started."
    ).or(0)
    private static let warning = Field.text("warning", "What is wrong with it, and what to do.")
        .optional
    private static let changed = Field.text(
        "changed", "When its name, tags or purpose were last changed, RFC 3339."
    ).optional
    private static let changedBy = Field.text("changed_by", "Who changed them.").optional

    static let members = [
        agent.declaration, id.declaration, online.declaration, purpose.declaration,
        tags.declaration, ownTags.declaration, version.declaration, hostname.declaration,
        AgentFacts.release.declaration, architecture.declaration,
        AgentFacts.capabilities.declaration, since.declaration, address.declaration,
        roundTrip.declaration, lastSeen.declaration, reconnects.declaration,
        changed.declaration, changedBy.declaration, warning.declaration,
    ]

    /// An agent to be filled in.
    public init(agent: String, id: String, isOnline: Bool, purpose: String, tags: [String]) {
        self.agent = agent
        self.id = id
        self.isOnline = isOnline
        self.purpose = purpose
        self.tags = tags
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.agent, agent)
        members.put(Self.id, id)
        members.put(Self.online, isOnline)
        members.put(Self.purpose, purpose)
        members.put(Self.tags, tags)
        members.put(Self.ownTags, ownTags)
        if let facts {
            members.put(Self.version, facts.version)
            members.put(Self.hostname, facts.hostname)
            members.put(AgentFacts.release, facts.release)
            members.put(Self.architecture, facts.architecture)
            members.put(AgentFacts.capabilities, facts.capabilities)
        }
        members.put(Self.since, since)
        members.put(Self.address, address)
        members.put(Self.roundTrip, roundTripMS)
        members.put(Self.lastSeen, lastSeen)
        members.put(Self.reconnects, reconnects)
        members.put(Self.changed, changed)
        members.put(Self.changedBy, changedBy)
        members.put(Self.warning, warning)
        return members.json
    }
}
