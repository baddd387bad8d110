// Where a target leads, as values: `SSHTarget+Reading` fills them with what `ssh -G` says, and
// Links turns them into a connection. Invariant: paths are absolute or empty, tokens are expanded.
import Net
import SSH
import Wire

/// An SSH target with everything that is configured for it.
struct SSHTarget: Sendable, Hashable {
    /// The name by which it was asked for.
    var name: String
    /// The host to dial.
    var hostname: String
    var port: UInt16 = 22
    var user: String
    /// What the agent logs in with.
    var credentials = Credentials()
    /// How the host's identity is checked.
    var hostKeys = HostKeys()
    /// How the connection to it is dialled.
    var network = Network()
    /// Jump hosts, comma-separated, as configured.
    var jump: String?
    /// The jump hosts of `jump`, resolved, the nearest first; each has its own configuration.
    var via: [SSHTarget] = []
    /// Whether the caller chose the jump hosts, in place of the configuration.
    var hasChosenWay = false
    /// A command that makes the connection (ProxyCommand).
    var proxyCommand: String?
    /// What the handshake offers.
    var algorithms = Algorithms()
    /// Whether its login shell is a Unix shell; if not, a command is sent as it is.
    var hasShell = true
    /// Variables for its programs (`SetEnv`, `SendEnv`).
    var environment: [Variable] = []
    /// What its configuration asks for and the agent does not do.
    var notes: [String] = []

    /// Its name for ssh: as its configuration has it.
    var sshName: String { TargetName.sshName(name) }

    /// Its name, with the user and the port that are used, and the jump hosts if the caller chose
    /// them.
    var address: TargetName {
        TargetName(host: name, user: user, port: port, via: chosenWay.map(\.address))
    }

    /// Its name for `homeline-agent targets trust`, which takes a port as callers write it.
    var trustName: String {
        "\(TargetName(host: name, user: nil, port: port == 22 ? nil : port))"
    }

    /// The names by which the configuration and the caller know it.
    var ownNames: [String] { [name, TargetName.ofAlias(hostname), sshName, hostname] }

    /// Where it leads, as a person is shown it.
    var place: Question.Place { Question.Place(host: hostname, port: Int(port), user: user) }

    /// The jump hosts that need the caller's right and the policy's permission; configured ones are
    /// the operator's choice.
    var chosenWay: [SSHTarget] { hasChosenWay ? via : [] }

    /// What a login may use.
    struct Credentials: Sendable, Hashable {
        var identityFiles: [String] = []
        var identitiesOnly = false
        /// Which methods may be used, and in which order.
        var rules = LoginRules()
        /// Certificates for keys in files or in ssh-agent.
        var certificateFiles: [String] = []
        /// The ssh-agent's socket; nil if there is none.
        var agentSocket: String?
        /// Names of the secrets for the password, the one-time code and the keys' passphrase.
        var password: String?
        var code: String?
        var passphrase: String?
    }

    /// Where a host's key is looked up.
    struct HostKeys: Sendable, Hashable {
        /// The known_hosts files; new keys are stored in the first.
        var files: [String] = []
        /// The name to look up in place of the host's name.
        var alias: String?
        /// Whether the key of a host that has none stored is accepted and stored.
        var acceptsNew = false
        /// Whether `files` begins with one that new keys may be stored in: a global one is not.
        var storesNew = true
        /// A program that prints more lines of known_hosts (`KnownHostsCommand`).
        var command: KnownHostsCommand?
        /// A file of keys that are not accepted from any host (`RevokedHostKeys`).
        var revoked: String?
        /// The least bits of an RSA key (`RequiredRSASize`), by default those of ssh.
        var leastRSABits = 1024
    }

    /// How a connection is dialled.
    struct Network: Sendable, Hashable {
        /// From where, and to which addresses.
        var dialling = Dialling()
        /// The limit of connecting; nil: the usual one.
        var timeout: Duration?
        /// Compresses the connection.
        var compresses = false
    }

    /// A target without any configuration.
    init(_ name: TargetName, place: Place) {
        self.name = name.host
        hostname = TargetName.sshName(name.host)
        port = name.port ?? 22
        user = name.user ?? place.user
        credentials.identityFiles = ["id_ed25519", "id_ecdsa", "id_rsa"].map {
            "\(place.home)/.ssh/\($0)"
        }
        credentials.agentSocket = place.agentSocket
        hostKeys.files = ["\(place.home)/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"]
    }
}

/// The agent's own surroundings, to which a target's configuration refers.
struct Place: Sendable {
    var home: String
    var user: String
    /// `SSH_AUTH_SOCK`.
    var agentSocket: String?
    var environment: [String: String]

    /// The surroundings of this process.
    init(environment: [String: String], user: String, home: String) {
        self.environment = environment
        self.user = user
        self.home = home
        agentSocket = environment["SSH_AUTH_SOCK"].flatMap { $0.isEmpty ? nil : $0 }
    }
}
