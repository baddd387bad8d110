// `agent.describe`: the agent's machine, its sessions, its connections.
public import JSON

/// One SSH connection of an agent.
public struct LinkInfo: Sendable, Equatable {
    /// `agent/host`, under the name first asked for.
    public var target: String
    /// The `host:port` that was dialled.
    public var host: String
    /// The user at the host.
    public var user: String
    /// The hosts on the way, the nearest first.
    public var via: [String] = []
    /// Channels that are open.
    public var channels = 0
    /// The agreed cipher.
    public var cipher = ""
    /// When the login succeeded, RFC 3339.
    public var created = ""
    /// When a channel was last open, RFC 3339.
    public var lastUsed = ""
    /// Channels opened so far.
    public var uses = 0
    /// Bytes received over the connection.
    public var bytesIn = 0
    /// Bytes sent over the connection.
    public var bytesOut = 0
    /// Channels and requests refused or not answered in time.
    public var errors = 0
    /// Key exchanges after the first.
    public var rekeys = 0
    /// Milliseconds the server took for its last answer; nil before the first.
    public var roundTripMS: Double?

    private static let target = Field.text("target", "The target, under the name first asked for.")
    private static let host = Field.text("host", "The HOST:PORT that was dialled.")
    private static let user = Field.text("user", "The user at the host.")
    private static let via = Field.texts(
        "via", "user@host:port of the jump hosts on the way, each of which has its own link."
    ).or([])
    private static let channels = Field.count("channels", "Channels that are open.").or(0)
    private static let cipher = Field.text("cipher", "The agreed cipher.")
    private static let created = Field.text(
        "created", "When the login succeeded, RFC 3339, by the agent's clock.")
    private static let lastUsed = Field.text("last_used", "When a channel was last open, RFC 3339.")
    private static let uses = Field.count(
        "uses", "Channels opened so far: shells, commands, streams to the next host, SFTP.")
    private static let bytesIn = Field.count("bytes_in", "Bytes received, encrypted.").or(0)
    private static let bytesOut = Field.count("bytes_out", "Bytes sent, encrypted.").or(0)
    private static let errors = Field.count(
        "errors", "Channels and requests refused or not answered in time."
    ).or(0)
    private static let rekeys = Field.count("rekeys", "Key exchanges after the first.").or(0)
    private static let roundTrip = Field.number(
        "rtt_ms", "Milliseconds the server took for its last answer; absent before the first."
    ).optional

    static let members = [
        target.declaration, host.declaration, user.declaration, via.declaration,
        channels.declaration, cipher.declaration, created.declaration, lastUsed.declaration,
        uses.declaration, bytesIn.declaration, bytesOut.declaration, errors.declaration,
        rekeys.declaration, roundTrip.declaration,
    ]

    /// A link to be filled in.
    public init(target: String, host: String, user: String) {
        self.target = target
        self.host = host
        self.user = user
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.target, target)
        members.put(Self.host, host)
        members.put(Self.user, user)
        members.put(Self.via, via)
        members.put(Self.channels, channels)
        members.put(Self.cipher, cipher)
        members.put(Self.created, created)
        members.put(Self.lastUsed, lastUsed)
        members.put(Self.uses, uses)
        members.put(Self.bytesIn, bytesIn)
        members.put(Self.bytesOut, bytesOut)
        members.put(Self.errors, errors)
        members.put(Self.rekeys, rekeys)
        members.put(Self.roundTrip, roundTripMS)
        return members.json
    }
}

/// Totals of an agent's links.
public struct PoolInfo: Sendable, Equatable {
    /// Links that are open.
    public var links = 0
    /// Links being opened.
    public var opening = 0
    /// Callers that wait for a free channel, because all links are full.
    public var waiting = 0
    /// Links opened since the agent started.
    public var opened = 0
    /// Targets that could not be entered, after all attempts, since the agent started.
    public var failed = 0
    /// Links lost since the agent started.
    public var lost = 0

    private static let links = Field.count("links", "Links that are open.").or(0)
    private static let opening = Field.count("opening", "Links being opened.").or(0)
    private static let waiting = Field.count(
        "waiting", "Callers that wait for a free channel, because all links are full."
    ).or(0)
    private static let opened = Field.count("opened", "Links opened since the agent started.").or(0)
    private static let failed = Field.count(
        "failed", "Targets that could not be entered, after all attempts, since the agent started."
    ).or(0)
    private static let lost = Field.count("lost", "Links lost since the agent started.").or(0)

    static let members = [
        links.declaration, opening.declaration, waiting.declaration, opened.declaration,
        failed.declaration, lost.declaration,
    ]

    /// An empty pool.
    public init() {}

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.links, links)
        members.put(Self.opening, opening)
        members.put(Self.waiting, waiting)
        members.put(Self.opened, opened)
        members.put(Self.failed, failed)
        members.put(Self.lost, lost)
        return members.json
    }
}

/// The arguments of `agent.describe`.
public struct DescribeAgent: CallArguments {
    /// Whether the machine's facts are looked up now: they are up to an hour old otherwise.
    public var refreshes: Bool

    static let refresh = Field.flag(
        "refresh", "Look up the machine's facts now; else they are up to an hour old."
    ).or(false)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { refreshes = try fields[Self.refresh] }
}

/// The result of `agent.describe`.
public struct AgentDescription: Sendable, Equatable {
    /// The machine.
    public var facts: AgentFacts
    /// How busy the machine is.
    public var load = MachineLoad()
    /// Sessions that are open.
    public var sessions = 0
    /// One-shot commands that are running.
    public var commands = 0
    /// The SSH connections that are open, the oldest first.
    public var links: [LinkInfo] = []
    /// Totals of all links.
    public var pool = PoolInfo()

    private static let facts = Field.object("facts", AgentFacts.members, "The machine.")
    private static let load = Field.object(
        "load", MachineLoad.members, "How busy the machine is now; what is not known is left out.")
    private static let sessions = Field.count("sessions", "Sessions that are open.").or(0)
    private static let commands = Field.count("commands", "One-shot commands that are running.")
        .or(0)
    private static let links = Field.objects(
        "links", LinkInfo.members,
        "The SSH connections that are open to hosts in the caller's reach, the oldest first."
    ).or([])
    private static let pool = Field.object("pool", PoolInfo.members, "Totals of all links.")

    static let members = [
        facts.declaration, load.declaration, sessions.declaration, commands.declaration,
        links.declaration,
        pool.declaration,
    ]

    /// The name of the member with the facts.
    public static let factsName = facts.name
    /// The names of its members.
    public static let names = members.map(\.name)

    /// An agent that has nothing open yet.
    public init(facts: AgentFacts) { self.facts = facts }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.facts, facts.json)
        members.put(Self.load, load.json)
        members.put(Self.sessions, sessions)
        members.put(Self.commands, commands)
        members.put(Self.links, links.map(\.json))
        members.put(Self.pool, pool.json)
        return members.json
    }

    private static let agent = Field.text("agent", "The agent's name.")

    static let row = MethodRow(
        does: "describes the agent's machine, its load and its connections",
        deadline: Deadline(.seconds(10)),
        changesTargets: false, arguments: [DescribeAgent.refresh.declaration], result: members,
        tool: ToolRow(
            "agent_describe", title: "Describe an agent",
            """
            Describes one agent: its machine (release, processor, memory, tools found), how busy \
            the machine is (processor, memory, disks, network), sessions, and its SSH links with \
            their age, use, bytes, errors and round trip. For an agent that is offline: what is \
            known of it.
            """,
            scopes: [.fleetRead], hints: .looks(atTargets: false), routes: [.agent("agent")],
            arguments: [agent.declaration],
            result: AgentEntry.members + members.map(\.optional)))
}
