// How a caller wants to enter a target: the arguments that opening a session, running a command and
// the file calls share. They override everything that is configured at the agent.

/// The user, the way and the credentials to use for a target.
public struct TargetAccess: Sendable {
    /// The user at the target, in place of the configured one.
    public var username: String?
    /// The port, in place of the configured one.
    public var port: UInt16?
    /// Jump hosts, the nearest first, in place of the configured way.
    public var via: [String]
    /// A private key file on the agent's machine.
    public var key: String?
    /// A password; never logged, never echoed.
    public var password: String?
    /// The name of a secret that the agent's configuration defines, used as the password.
    public var secret: String?

    private static let username = Field.text(
        "username", "The user at the target, in place of the configured one."
    ).optional
    private static let port = Field.integer(
        "port", in: 1...65535, "The port, in place of the configured one."
    ).optional
    private static let via = Field.texts(
        "via", atMost: 8, "Jump hosts, the nearest first, in place of the configured way."
    ).or([])
    private static let key = Field.text(
        "key", "The path of a private key file on the agent's machine."
    ).optional
    private static let secret = Field.text(
        "secret", "The name of a secret in agent.conf, used as the password."
    ).optional
    private static let password = Field.text(
        "password",
        "A password. Prefer keys, ssh-agent or secret: this text passes through the model."
    ).optional

    static let arguments = [
        username.declaration, port.declaration, via.declaration, key.declaration,
        secret.declaration, password.declaration,
    ]

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        username = try fields[Self.username]
        port = try fields[Self.port].map { UInt16($0) }
        via = try fields[Self.via]
        key = try fields[Self.key]
        password = try fields[Self.password]
        secret = try fields[Self.secret]
        guard password == nil || secret == nil else {
            throw Fault(.invalidArgument, "give \"password\" or \"secret\", not both")
        }
    }
}
