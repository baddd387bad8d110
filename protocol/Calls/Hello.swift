// The first two calls of every tunnel. The relay calls `agent.hello`; the agent proves that it
// holds its key, bound to this TLS connection; the relay then calls `agent.welcome` or
// `agent.refuse`.
public import JSON

/// The arguments of `agent.hello`.
public struct Challenge: Sendable, Equatable {
    /// The contract's version.
    public var version: Int64
    /// Fresh random bytes, 32, base64url on the wire (the caller encodes).
    public var nonce: String

    fileprivate static let version = Field.integer(
        "version", in: 0...1_000_000, "The version of this protocol that the sender speaks.")
    private static let nonce = Field.text(
        "nonce", "Base64url of 32 bytes, fresh for each connection.")

    static let arguments = [version.declaration, nonce.declaration]

    /// A challenge with its nonce.
    public init(nonce: String, version: Int64 = Contract.version) {
        self.version = version
        self.nonce = nonce
    }

    /// The arguments.
    public var json: JSON {
        var members = Members()
        members.put(Self.version, Int(version))
        members.put(Self.nonce, nonce)
        return members.json
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        version = Int64(try fields[Self.version])
        nonce = try fields[Self.nonce]
    }
}

/// The result of `agent.hello`.
public struct Hello: Sendable, Equatable {
    /// The contract's version.
    public var version = Contract.version
    /// The Ed25519 public key, base64url.
    public var publicKey: String
    /// The signature over `Contract.helloMessage`, base64url.
    public var signature: String
    /// The id from an earlier welcome; nil while joining.
    public var agentID: String?
    /// While joining: the invitation's one-time secret.
    public var invitation: String?
    /// While joining: the name the agent would like.
    public var name: String?
    /// While joining: tags of its own, shown beside the invitation's; they grant nothing.
    public var tags: [String] = []
    /// The order of the agent's starts, and the number of this connection.
    ///
    /// A connection with a later epoch takes over from an earlier one.
    public var epoch: Epoch
    /// Whether it runs a call with a key at most once, also when it is restarted.
    public var keepsJournal = false
    /// The address of the relay that this connection was dialled at.
    public var address: String?
    /// The machine.
    public var facts = AgentFacts()

    private static let publicKey = Field.text(
        "public_key",
        "Base64url of 32 bytes: the agent's Ed25519 key (RFC 8032), which it made itself.")
    private static let signature = Field.text(
        "signature", "Base64url of 64 bytes: Ed25519 over the bytes below.")
    private static let boot = Field.count(
        "boot",
        "Milliseconds since 1970 at which the process started; more than at the start before, "
            + "if that could be stored, even if the clock was set back.")
    private static let connection = Field.count(
        "connection", "The number of this connection of the process, from 1.")
    private static let epochField = Field.object(
        "epoch", [boot.declaration, connection.declaration],
        "The order of the agent's connections: a later one replaces an earlier one."
    ).optional
    private static let journal = Field.flag(
        "journal",
        "Whether the agent runs a call with a `key` at most once, also when it is restarted."
    ).or(false)
    private static let address = Field.text(
        "address",
        "The relay's address that the agent dialled, as its invitation or its settings name it; for "
            + "people, who see by which of several addresses it came."
    ).optional
    private static let facts = Field.object(
        "facts", AgentFacts.members,
        "The machine. Each text is cut at 255 characters, the list of capabilities at "
            + "\(AgentFacts.mostCapabilities).")
    private static let agentID = Field.text(
        "agent_id", "The id from an earlier welcome; absent while joining."
    ).optional
    private static let invitation = Field.text(
        "invitation", "Only while joining: the secret, base64url of 16 bytes."
    ).optional
    private static let name = Field.text(
        "name",
        "Only while joining: the name the agent would like, \(Contract.agentNamePattern). The name in "
            + "the invitation comes first; a name that is taken gets a number."
    ).optional
    private static let tags = Field.texts(
        "tags", atMost: 32,
        "Only while joining: tags of its own, shown beside the invitation's; they grant nothing."
    ).or([])

    static let row = MethodRow(
        does: "asks the agent to prove who it is", deadline: Deadline(.seconds(10)),
        changesTargets: false, arguments: Challenge.arguments,
        result: [
            Challenge.version.declaration, publicKey.declaration, signature.declaration,
            epochField.declaration, journal.declaration, address.declaration, facts.declaration,
            agentID.declaration, invitation.declaration, name.declaration, tags.declaration,
        ])

    /// The order of one agent's connections.
    public struct Epoch: Sendable, Equatable, Comparable {
        /// Milliseconds since 1970 at which the process started, or one more than at the start
        /// before, whichever is greater.
        public var boot: Int64
        /// The number of the connection of this process, from 1.
        public var connection: Int64

        /// An epoch of a process and connection.
        public init(boot: Int64, connection: Int64) {
            self.boot = boot
            self.connection = connection
        }

        /// The order of connections.
        public static func < (one: Epoch, other: Epoch) -> Bool {
            (one.boot, one.connection) < (other.boot, other.connection)
        }
    }

    /// A hello with its proof.
    public init(publicKey: String, signature: String, epoch: Epoch) {
        self.publicKey = publicKey
        self.signature = signature
        self.epoch = epoch
    }

    /// The result.
    public var json: JSON {
        var epoch = Members()
        epoch.put(Self.boot, Int(self.epoch.boot))
        epoch.put(Self.connection, Int(self.epoch.connection))
        var members = Members()
        members.put(Challenge.version, Int(version))
        members.put(Self.publicKey, publicKey)
        members.put(Self.signature, signature)
        members.put(Self.epochField, epoch.json)
        if keepsJournal { members.put(Self.journal, true) }
        members.put(Self.address, address)
        members.put(Self.facts, facts.json)
        members.put(Self.agentID, agentID)
        members.put(Self.invitation, invitation)
        members.put(Self.name, name)
        members.put(Self.tags, tags)
        return members.json
    }

    /// Reads the result.
    public init(_ fields: Fields) throws(Fault) {
        version = Int64(try fields[Challenge.version])
        publicKey = try fields[Self.publicKey]
        signature = try fields[Self.signature]
        agentID = try fields[Self.agentID]
        invitation = try fields[Self.invitation]
        name = try fields[Self.name]
        tags = try fields[Self.tags]
        keepsJournal = try fields[Self.journal]
        address = try fields[Self.address]?.shown(atMost: 255)
        let epoch = try fields.inside(Self.epochField)
        self.epoch = Epoch(
            boot: Int64(try epoch[Self.boot.or(0)]),
            connection: Int64(try epoch[Self.connection.or(0)]))
        facts = AgentFacts(json: fields.object[Self.facts.name])
    }
}

/// The arguments of `agent.welcome`: the agent's id and name at this relay.
public struct Welcome: CallArguments, Equatable {
    /// The id that the agent stores and sends in every later hello.
    public var agentID: String
    /// The name people use; the first part of `agent/host`.
    public var name: String
    /// What the ids of its sessions and commands begin with, before the dot: a beginning of the
    /// agent's id that no other agent's id has.
    ///
    /// An earlier relay does not say: then the whole id.
    public var handlePrefix: String

    private static let agentID = Field.text(
        "agent_id",
        "The agent's id, \(Contract.agentNamePattern): store it and send it in every later hello.")
    private static let name = Field.text(
        "name",
        "The first part of agent/host, \(Contract.agentNamePattern); it may change between "
            + "connections, and during one: then the relay makes this call again.")
    private static let handles = Field.text(
        "handles",
        "What new ids of sessions, commands, transfers and forwards begin with, before a dot: a "
            + "beginning of agent_id that no other agent's id has. Absent: agent_id."
    ).optional

    static let row = MethodRow(
        does: "accepts the agent; calls may follow; later: tells it its new name",
        deadline: Deadline(.seconds(10)),
        changesTargets: false,
        arguments: [agentID.declaration, name.declaration, handles.declaration])

    /// A welcome for an agent; nil: its handles begin with its id.
    public init(agentID: String, name: String, handlePrefix: String? = nil) {
        self.agentID = agentID
        self.name = name
        self.handlePrefix = handlePrefix ?? agentID
    }

    /// The arguments.
    public var json: JSON {
        var members = Members()
        members.put(Self.agentID, agentID)
        members.put(Self.name, name)
        members.put(Self.handles, handlePrefix == agentID ? nil : handlePrefix)
        return members.json
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        agentID = try fields[Self.agentID]
        name = try fields[Self.name]
        handlePrefix = try fields[Self.handles] ?? agentID
        guard !handlePrefix.isEmpty, agentID.hasPrefix(handlePrefix) else {
            throw Fault(.invalidArgument, "\"handles\" must be a beginning of \"agent_id\"")
        }
        // Both become parts of handles, targets, shell lines and what people read.
        for (text, field) in [(agentID, Self.agentID), (name, Self.name)]
        where !Contract.isAgentName(text) {
            throw Fault(
                .invalidArgument, "\"\(field.name)\" must be \(Contract.agentNamePattern)")
        }
    }
}

/// The arguments of `agent.refuse`.
public struct Refusal: Sendable, Equatable {
    /// Why.
    public enum Reason: String, Sendable, CaseIterable {
        /// The invitation is unknown, used up or expired: joining needs a new one.
        case invitation
        /// The agent was revoked.
        case revoked
        /// The relay knows no such agent with this key; it may have been restored from a backup.
        case unknown
        /// The signature is not of this connection, as behind a proxy that opens TLS.
        case signature
        /// A later connection of the same agent is open.
        case superseded
        /// Another machine uses the same identity, and is served: a copied disk or folder.
        case duplicate
        /// The relay speaks another version.
        case version
        /// The relay cannot take the agent now.
        case unavailable
    }

    /// Why, for programs.
    ///
    /// A reason that this version does not know is read as `unavailable`.
    public var reason: Reason
    /// Why, for people.
    public var message: String
    /// How long to wait before trying again; nil leaves it to the agent's backoff.
    public var retryAfter: Duration?

    private static let reason = Field.text(
        "reason", "One of the reasons below; an unknown one counts as unavailable.")
    private static let message = Field.text("message", "Why, for people.").or("")
    private static let retryAfter = Field.seconds(
        "retry_after_s", in: 0...3600, "Do not dial again before this time."
    ).optional

    static let row = MethodRow(
        does: "refuses the agent; the relay closes after the reply",
        deadline: Deadline(.seconds(10)), changesTargets: false,
        arguments: [reason.declaration, message.declaration, retryAfter.declaration])

    /// A refusal.
    public init(_ reason: Reason, _ message: String, retryAfter: Duration? = nil) {
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
    }

    /// When another dial can succeed.
    public enum Outlook: Sendable {
        /// It cannot: the agent ends.
        case never
        /// When a person has mended something, at the relay, at the agent or on the way.
        case seldom
        /// At any time.
        case soon
    }

    /// When another dial of the same agent can succeed.
    public var outlook: Outlook {
        switch reason {
        case .invitation, .revoked: .never
        case .unknown, .signature: .seldom
        case .superseded, .duplicate, .version, .unavailable: .soon
        }
    }

    /// Whether trying again, unchanged, cannot succeed.
    public var isFinal: Bool { outlook == .never }

    /// The arguments.
    public var json: JSON {
        var members = Members()
        members.put(Self.reason, reason.rawValue)
        members.put(Self.message, message)
        members.put(Self.retryAfter, retryAfter)
        return members.json
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        reason = Reason(rawValue: try fields[Self.reason]) ?? .unavailable
        message = try fields[Self.message].shown(atMost: 1000)
        retryAfter = try fields[Self.retryAfter]
    }
}
