// How a caller wants to enter a target: the arguments that opening a session and running a command
// share. They come before everything that is configured at the agent.

/// The user, the way and the proof of identity to use at a target.
public struct TargetAccess: Sendable {
    /// The user at the target, in place of the configured one.
    public var username: String?
    /// The port, in place of the configured one.
    public var port: UInt16?
    /// Hosts to go through, the nearest first, in place of the configured way.
    public var via: [String]
    /// A private key file on the agent's machine.
    public var key: String?
    /// A password; never logged, never echoed.
    public var password: String?
    /// The name of a secret that the agent's configuration defines, used as the password.
    public var secret: String?

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        username = try fields.optionalString("username")
        port = try fields.integer("port", in: 1...65535).map { UInt16($0) }
        via = try fields.strings("via", limit: 8) ?? []
        key = try fields.optionalString("key")
        password = try fields.optionalString("password")
        secret = try fields.optionalString("secret")
        guard password == nil || secret == nil else {
            throw Fault(.invalidArgument, "give \"password\" or \"secret\", not both")
        }
    }
}
