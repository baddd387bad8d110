// How a caller wants to enter a target: the arguments that opening a session, running a command and
// the file calls share. They override everything that is configured at the agent.
public import JSON

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
        "secret", "The name of a secret that is the password: from agent.conf, or from a person."
    ).optional
    private static let password = Field.text(
        "password",
        "A password. Prefer keys, ssh-agent or secret: this text passes through the model."
    ).optional

    static let arguments = [
        username.declaration, port.declaration, via.declaration, key.declaration,
        secret.declaration, password.declaration,
    ]

    /// The same as one argument: tools show it, and calls to agents have its members.
    private static let connect = Field.object(
        "connect", arguments.map(\.optional), "How to log in, in place of what is configured."
    ).optional
    /// The same where another tool describes the members.
    private static let connectAsThere = Field.object(
        "connect",
        arguments.map {
            Declaration(name: $0.name, kind: $0.kind, need: .optional, sentence: "")
        }, "How to log in, as in ssh_session_open."
    ).optional

    /// The arguments of a tool as clients see them: with `connect` in place of its members.
    static func joined(_ all: [Declaration], of tool: String) -> [Declaration] {
        // ssh_session_send has a secret and a password that are no way to log in.
        guard all.contains(where: { $0.name == username.name }) else { return all }
        let names = Set(arguments.map(\.name))
        let others = all.filter { !names.contains($0.name) }
        // With a session's login there is another way; the arguments are taken all the same.
        if others.contains(where: { $0.name == "session_id" }) { return others }
        return others + [(tool == "ssh_session_open" ? connect : connectAsThere).declaration]
    }

    /// The arguments that a tool takes: `connect`, and its members by themselves.
    static func taken(_ all: [Declaration]) -> [Declaration] {
        all.contains { $0.name == username.name } ? all + [connect.declaration] : all
    }

    /// The arguments of a tool as calls to agents have them: with the members of `connect` beside
    /// the others; nil: there is no `connect`.
    public static func separated(_ given: JSON.Object) throws(Fault) -> JSON.Object? {
        guard let members = given[connect.name] else { return nil }
        var all = given
        all[connect.name] = nil
        for (name, value) in members.objectValue ?? [:] {
            guard all[name] == nil else {
                throw Fault(
                    .invalidArgument, "\"\(name)\" is given twice: once in \"connect\"")
            }
            all[name] = value
        }
        return all
    }

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
