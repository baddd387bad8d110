// A proxy that connections are made through, and what it may say instead. Values.
// Invariant: no description shows the password.
public import Crypto
import Loop

/// An HTTP or SOCKS proxy.
public struct Proxy: Sendable, Hashable {
    /// How a proxy is asked for a connection.
    public enum Kind: String, Sendable, CaseIterable {
        /// HTTP CONNECT (RFC 9110 §9.3.6).
        case http
        /// SOCKS 5 (RFC 1928) for an address that this machine has looked up.
        case socks5
        /// SOCKS 5 for a name that the proxy looks up.
        case socks5h
    }

    /// A user and a password.
    public struct Credentials: Sendable, Hashable {
        /// The user.
        public let user: String
        /// The password.
        public let password: SecretBytes

        /// Credentials from their parts.
        public init(user: String, password: SecretBytes) {
            (self.user, self.password) = (user, password)
        }

        /// Whether both parts are the same.
        public static func == (one: Credentials, other: Credentials) -> Bool {
            one.user == other.user && ConstantTime.equal(one.password.copy, other.password.copy)
        }

        /// The user alone: equal credentials have equal users.
        public func hash(into hasher: inout Hasher) { hasher.combine(user) }
    }

    /// How it is asked.
    public let kind: Kind
    /// Its name or address.
    public let host: String
    /// Its port.
    public let port: UInt16
    /// What it is given when it asks who is there.
    public var credentials: Credentials?

    /// A proxy from its parts.
    public init(_ kind: Kind, host: String, port: UInt16, credentials: Credentials? = nil) {
        (self.kind, self.host, self.port) = (kind, host, port)
        self.credentials = credentials
    }

    /// `KIND://HOST:PORT`, without the credentials.
    public var address: String {
        "\(kind.rawValue)://" + (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }

    /// What is said to it for a connection to `host`, a numeric address for `socks5`.
    func dialogue(host: String, port: UInt16) throws(ProxyFailure) -> any ProxyDialogue {
        switch kind {
        case .http: try ConnectDialogue(host: host, port: port, credentials)
        case .socks5, .socks5h: try SOCKSDialogue(host: host, port: port, credentials)
        }
    }
}

/// Why a proxy gave no connection.
public enum ProxyFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// It could not be connected to.
    case unreachable(reason: String)
    /// It did not answer within the deadline.
    case silent
    /// It ended the connection before it had answered.
    case ended
    /// Its answer is none of the protocol's.
    case garbled(expected: String)
    /// Its answer is longer than the limit.
    case tooLong(limit: Int)
    /// It asks for credentials, by these schemes of HTTP.
    case credentialsNeeded(schemes: [String])
    /// It did not accept the credentials.
    case credentialsRefused
    /// It wants another way to log in than by user and password.
    case unknownLogin(schemes: [String])
    /// It refused the connection, in its own words.
    case refused(words: String)
    /// The host or the credentials do not fit into the protocol.
    case unusable(what: String)

    /// One plain line, about "the proxy".
    public var description: String {
        switch self {
        case .unreachable(let reason): "it cannot be reached: \(reason)"
        case .silent: "it did not answer in time"
        case .ended: "it ended the connection before it had answered"
        case .garbled(let expected): "what it answered is not \(expected)"
        case .tooLong(let limit): "its answer is longer than \(limit) bytes"
        case .credentialsNeeded:
            "it asks for a user and a password: write USER:PASSWORD into a file of your own (chmod"
                + " 600), and `ProxyCredentials FILE` into agent.conf"
        case .credentialsRefused: "it did not accept the user and the password"
        case .unknownLogin(let schemes):
            "it asks for a login by \(schemes.joined(separator: ", ")), and only user and password"
                + " are supported: run a local proxy that logs in (such as cntlm), and name that"
        case .refused(let words): "it answered: \(words)"
        case .unusable(let what): "it cannot be asked: \(what)"
        }
    }
}
