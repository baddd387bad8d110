// The first two calls of every tunnel. The relay asks `agent.hello`; the agent proves that it
// holds its key, bound to this TLS connection; the relay answers `agent.welcome` or `agent.refuse`.
public import JSON

/// What the relay asks: the arguments of `agent.hello`.
public struct Challenge: Sendable, Equatable {
    /// The contract's version.
    public var version: Int64
    /// Fresh random bytes, 32, base64url on the wire (the caller encodes).
    public var nonce: String

    /// A challenge with its nonce.
    public init(nonce: String, version: Int64 = Contract.version) {
        self.version = version
        self.nonce = nonce
    }

    /// The arguments.
    public var json: JSON { ["version": .int(version), "nonce": .string(nonce)] }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        version = Int64(try fields.integer("version", in: 0...1_000_000) ?? 0)
        nonce = try fields.string("nonce")
    }
}

/// Facts an agent tells about its machine.
public struct AgentFacts: Sendable, Equatable {
    /// The agent's version.
    public var version = ""
    /// Its machine's host name.
    public var hostname = ""
    /// `linux` or `macos`.
    public var system = ""
    /// `x86_64`, `arm64`.
    public var architecture = ""

    /// Facts to be filled in.
    public init() {}

    /// As an object.
    public var json: JSON {
        [
            "version": .string(version), "hostname": .string(hostname),
            "system": .string(system), "architecture": .string(architecture),
        ]
    }

    /// Reads an object; what is missing stays empty, what is long is cut.
    public init(json: JSON?) {
        // By scalars: one character may be made of any number of them.
        func text(_ name: String) -> String {
            String(
                String.UnicodeScalarView(
                    (json?[name]?.stringValue ?? "").unicodeScalars.prefix(255)))
        }
        version = text("version")
        hostname = text("hostname")
        system = text("system")
        architecture = text("architecture")
    }
}

/// What the agent answers: the result of `agent.hello`.
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
    /// While joining: the name, tags and purpose the agent would like.
    public var name: String?
    /// While joining: tags to add to the invitation's.
    public var tags: [String] = []
    /// When the agent's process started, and its how-manieth connection this is.
    ///
    /// A later pair takes over from an earlier one.
    public var epoch: Epoch
    /// The machine.
    public var facts = AgentFacts()

    /// A place in the order of one agent's connections.
    public struct Epoch: Sendable, Equatable, Comparable {
        /// Milliseconds since 1970 at which the process started.
        public var boot: Int64
        /// Counts the connections of this process.
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
        var object: JSON.Object = [
            "version": .int(version), "public_key": .string(publicKey),
            "signature": .string(signature),
            "epoch": ["boot": .int(epoch.boot), "connection": .int(epoch.connection)],
            "facts": facts.json,
        ]
        object.add("agent_id", JSON(agentID))
        object.add("invitation", JSON(invitation))
        object.add("name", JSON(name))
        if !tags.isEmpty { object["tags"] = .array(tags.map { .string($0) }) }
        return .object(object)
    }

    /// Reads the result.
    public init(_ fields: Fields) throws(Fault) {
        version = Int64(try fields.integer("version", in: 0...1_000_000) ?? 0)
        publicKey = try fields.string("public_key")
        signature = try fields.string("signature")
        agentID = try fields.optionalString("agent_id")
        invitation = try fields.optionalString("invitation")
        name = try fields.optionalString("name")
        tags = try fields.strings("tags", limit: 32) ?? []
        let epoch = try fields.fields("epoch")
        self.epoch = Epoch(
            boot: Int64(try epoch?.integer("boot", in: 0...Int.max) ?? 0),
            connection: Int64(try epoch?.integer("connection", in: 0...Int.max) ?? 0))
        facts = AgentFacts(json: fields.object["facts"])
    }
}

/// The arguments of `agent.welcome`: who the agent is to this relay.
public struct Welcome: Sendable, Equatable {
    /// The id the agent keeps and shows from now on.
    public var agentID: String
    /// The name people use; the first part of `agent/host`.
    public var name: String

    /// A welcome for an agent.
    public init(agentID: String, name: String) {
        self.agentID = agentID
        self.name = name
    }

    /// The arguments.
    public var json: JSON { ["agent_id": .string(agentID), "name": .string(name)] }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        agentID = try fields.string("agent_id")
        name = try fields.string("name")
    }
}

/// The arguments of `agent.refuse`.
public struct Refusal: Sendable, Equatable {
    /// Why.
    public enum Reason: String, Sendable {
        /// The invitation is unknown, used up or expired: joining needs a new one.
        case invitation
        /// The agent is unknown to this relay, or its key is another's.
        case unknown
        /// The agent was revoked.
        case revoked
        /// A later connection of the same agent is there.
        case superseded
        /// The relay speaks another version.
        case version
        /// The relay cannot take the agent now.
        case unavailable
    }

    /// Why, for programs.
    ///
    /// A reason this version does not know reads as `unavailable`.
    public var reason: Reason
    /// Why, for people.
    public var message: String
    /// When to try again; nil leaves it to the agent's own backoff.
    public var retryAfter: Duration?

    /// A refusal.
    public init(_ reason: Reason, _ message: String, retryAfter: Duration? = nil) {
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
    }

    /// Whether trying again, unchanged, cannot succeed.
    public var isFinal: Bool { reason == .invitation || reason == .revoked || reason == .unknown }

    /// The arguments.
    public var json: JSON {
        var object: JSON.Object = ["reason": .string(reason.rawValue), "message": .string(message)]
        if let retryAfter { object["retry_after_s"] = .int(retryAfter.components.seconds) }
        return .object(object)
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        reason = Reason(rawValue: try fields.string("reason")) ?? .unavailable
        message = try fields.optionalString("message") ?? ""
        retryAfter = try fields.seconds("retry_after_s", in: 0...3600)
    }
}
