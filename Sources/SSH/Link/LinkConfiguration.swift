// What a link needs to know about its target: its address, the user, whom to trust, how long to
// wait. A value; Targets makes it from ssh_config.
public import Crypto
internal import Loop
public import Net

/// How to reach and enter one SSH server.
public struct LinkConfiguration: Sendable {
    /// The name or address to connect to.
    public var host: String
    /// The port.
    public var port: UInt16
    /// The user to log in as.
    public var user: String
    /// How the host's identity is checked.
    public var trust: HostTrust
    /// Ways to log in: keys in the order to offer them, then a password and a code.
    public var authentication: [Authentication]
    /// Files of OpenSSH user certificates for those keys, which are in files or in ssh-agent;
    /// `KEY-cert.pub` beside a key file is found without being named.
    public var certificates: [String] = []
    /// Which of these ways may be used, and in which order.
    public var rules = LoginRules()
    /// Called while the login waits for a person, with what is waited for.
    public var onWaiting: (@IO @Sendable (String) -> Void)?
    /// Whether an opened key file may be used; nil: each may.
    public var admitsFile: (@Sendable (_ path: String, _ descriptor: Int32) -> Bool)?
    /// How long each step may take, and how many bytes may be in flight.
    public var limits = LinkLimits()
    /// What the handshake offers.
    public var algorithms = Algorithms()
    /// Compresses the link's data, if the server can.
    public var compresses = false
    /// A shell command whose standard streams are the connection (`ProxyCommand`).
    public var proxyCommand: String?
    /// How the connection is made; a ProxyCommand and a jump host make it in their own way.
    public var dialling = Dialling()
    /// Variables for the programs that are started; the server decides which it takes.
    public var environment: [Variable] = []

    /// A configuration with the usual limits.
    public init(
        host: String, port: UInt16 = 22, user: String, knownHosts: [String],
        authentication: [Authentication]
    ) {
        self.host = host
        self.port = port
        self.user = user
        trust = HostTrust(knownHosts: knownHosts)
        self.authentication = authentication
    }

    /// The name under which known_hosts has the host's key.
    var hostKeyName: String { KnownHosts.name(host: host, port: port, alias: trust.alias) }

    /// `host:port`, for messages.
    var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A variable of a program's environment.
public struct Variable: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its value.
    public let value: String

    /// A variable.
    public init(name: String, value: String) { (self.name, self.value) = (name, value) }
}

/// How a host's identity is checked.
public struct HostTrust: Sendable {
    /// The name to look up in place of the host's name and port.
    public var alias: String?
    /// The known_hosts files.
    public var files: [String]
    /// Whether the key of a host that has none stored is accepted; a changed key never is.
    public var acceptsNew = false
    /// Whether the first file is one for new keys; without one, no new key is accepted.
    public var storesNew = true
    /// A key that a person has accepted for this connection, if no file stores another one.
    public var accepted: HostKey?
    /// A program that prints more lines of known_hosts.
    public var command: KnownHostsCommand?
    /// A file of revoked keys, which must be readable (`RevokedHostKeys`).
    public var revoked: String?
    /// The least bits of an RSA key (`RequiredRSASize`); ssh's own limit.
    public var leastRSABits = 1024

    /// Strict checks against these files.
    public init(knownHosts files: [String]) { self.files = files }
}

/// The times and sizes of one link.
public struct LinkLimits: Sendable {
    /// Bytes that a server may send until the login is over.
    ///
    /// libssh2 keeps what it did not ask for, so an endless key exchange, banner or stream of
    /// ignored messages would fill the memory; a login with many prompts and a long banner takes a
    /// tenth of it.
    public static let beforeLogin = 1 << 20
    /// Bytes before the server's version line, which a server may use for a notice (RFC 4253 §4.2);
    /// a long one has some 20 KB.
    public static let beforeVersion = 64 << 10
    /// Bytes of one line before the version line, which libssh2 cuts there.
    public static let line = 8192
    /// The most bytes that libssh2 may hold for one session.
    ///
    /// It keeps messages that nobody asked for until the end, so that a server could fill the
    /// memory; eight channels that nobody reads take half of it. Beyond it, libssh2 reports that it
    /// is out of memory, and the link ends.
    public static let heldByLink = 32 << 20
    /// The limit for name lookup, connection and handshake together, so that a host that drops
    /// packets is reported and not waited for.
    public var connect: Duration = .seconds(30)
    /// The limit for logging in, which ends a login that the server or ssh-agent does not answer.
    public var login: Duration = .seconds(30)
    /// The limit for a login while the server waits for a person, who confirms it on a telephone,
    /// where that is more than `login`: such a request is valid for a minute, and a call that opens
    /// a session has 75 s.
    public static let person: Duration = .seconds(60)
    /// The limit for a login while the server waits for a person.
    public var person = LinkLimits.person
    /// The limit for the server's answer to a channel request.
    public var channel: Duration = .seconds(30)
    /// Silence after which the server is asked for a sign of life; three unanswered questions end
    /// the link.
    public var alive: Duration = .seconds(15)
    /// Bytes a channel may receive before they are read: enough for 100 MB/s at a round trip of
    /// 20 ms.
    public var window: UInt32 = 2 << 20
    /// The same for a terminal: enough for 12 MB/s at a round trip of 20 ms.
    ///
    /// Bytes in flight when a flood is interrupted are still shown, so there must be few.
    public var terminalWindow: UInt32 = 256 << 10

    /// The usual limits.
    public init() {}
}

/// One way to log in.
public enum Authentication: Sendable {
    /// The keys an ssh-agent holds; with `only`, those whose public blobs are listed.
    case agent(socket: String, only: [[UInt8]]?)
    /// A private key file; `passphrase` opens it when it is encrypted.
    case keyFile(path: String, passphrase: SecretBytes?)
    /// A password, by the `password` method or the hidden prompts of `keyboard-interactive`.
    case password(SecretBytes)
    /// A one-time code, for the prompts of `keyboard-interactive` that ask for one.
    case code(SecretBytes)
}
