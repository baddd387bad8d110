// The arguments and results of `target.list`.
public import JSON

/// The arguments of `target.list`.
public struct ListTargets: Sendable {
    /// Keeps the targets whose name or host name contains this.
    public var query: String?
    /// Whether to look which can be reached.
    public var probe: Bool

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        query = try fields.optionalString("query")
        probe = try fields.flag("probe") ?? false
    }
}

/// A target as it is told.
public struct TargetInfo: Sendable, Equatable {
    /// `agent/host`, as the other calls take it.
    public var target: String
    /// The name or address the agent dials; nil for `local`.
    public var hostname: String?
    /// The port.
    public var port: Int?
    /// The user.
    public var user: String?
    /// The jump hosts on the way.
    public var via: String?
    /// Where the target is configured: `local`, `agent.conf`, `ssh_config`.
    public var source: String
    /// Whether an SSH server answers there; nil: not asked, or not to be told without logging in.
    public var isReachable: Bool?
    /// Why it is not reachable, or why that is not known.
    public var reason: String?

    /// A target by name.
    public init(target: String, source: String) {
        self.target = target
        self.source = source
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = ["target": .string(target)]
        object.add("hostname", JSON(hostname))
        object.add("port", JSON(port))
        object.add("user", JSON(user))
        object.add("via", JSON(via))
        object["source"] = .string(source)
        object.add("reachable", isReachable.map(JSON.bool))
        object.add("reason", JSON(reason))
        return .object(object)
    }
}
