// What an agent tells of its connections in the result of `agent.describe`.
public import JSON

/// One SSH connection of an agent, as it is told.
public struct LinkInfo: Sendable, Equatable {
    /// `agent/host`, by the name it was first asked for.
    public var target: String
    /// `host:port` that was dialled.
    public var host: String
    /// The user at the host.
    public var user: String
    /// The hosts on the way, the nearest first.
    public var via: [String] = []
    /// Channels that are open.
    public var channels = 0
    /// The agreed cipher.
    public var cipher = ""
    /// When it was logged in, RFC 3339.
    public var created = ""
    /// When a channel was last open, RFC 3339.
    public var lastUsed = ""
    /// Channels opened so far.
    public var uses = 0
    /// Bytes that came over the connection.
    public var bytesIn = 0
    /// Bytes that were sent over the connection.
    public var bytesOut = 0
    /// Channels and requests refused or not answered in time.
    public var errors = 0
    /// Key exchanges after the first.
    public var rekeys = 0
    /// Milliseconds the server took for its last answer; nil: it was not asked yet.
    public var roundTripMS: Double?

    /// A link to be filled in.
    public init(target: String, host: String, user: String) {
        self.target = target
        self.host = host
        self.user = user
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = [
            "target": .string(target), "host": .string(host), "user": .string(user),
        ]
        if !via.isEmpty { object["via"] = .array(via.map(JSON.string)) }
        object["channels"] = JSON(channels)
        object["cipher"] = .string(cipher)
        object["created"] = .string(created)
        object["last_used"] = .string(lastUsed)
        object["uses"] = JSON(uses)
        object["bytes_in"] = JSON(bytesIn)
        object["bytes_out"] = JSON(bytesOut)
        object["errors"] = JSON(errors)
        object["rekeys"] = JSON(rekeys)
        object.add("rtt_ms", roundTripMS.map(JSON.double))
        return .object(object)
    }
}

/// What an agent's links have come to, all together.
public struct PoolInfo: Sendable, Equatable {
    /// Links that are open.
    public var links = 0
    /// Links being opened.
    public var opening = 0
    /// Callers that wait for a place on full links.
    public var waiting = 0
    /// Links opened since the agent started.
    public var opened = 0
    /// Targets that could not be entered since then, after all attempts.
    public var failed = 0
    /// Links that were lost since then.
    public var lost = 0

    /// An empty pool.
    public init() {}

    /// As an object.
    public var json: JSON {
        [
            "links": .integer(links), "opening": .integer(opening),
            "waiting": .integer(waiting), "opened": .integer(opened),
            "failed": .integer(failed), "lost": .integer(lost),
        ]
    }
}
