// Where a target leads: what `ssh -G` says about it, as values. Pure; Links turns it into a
// connection. Invariant: paths are absolute or empty, tokens are expanded.
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
    var connectTimeout: Duration?
    /// Jump hosts, comma-separated, as configured.
    var jump: String?
    /// The jump hosts of `jump`, resolved, the nearest first; each has its own configuration.
    var via: [SSHTarget] = []
    /// Whether the caller chose the jump hosts, in place of the configuration.
    var hasChosenWay = false
    /// A command that makes the connection (ProxyCommand).
    var proxyCommand: String?
    var allowsLegacy = false
    /// Compresses the connection.
    var compresses = false

    /// Its name, with the user and the port that are used, and the jump hosts if the caller chose
    /// them.
    var address: TargetName {
        TargetName(host: name, user: user, port: port, via: chosenWay.map(\.address))
    }

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
    }

    /// A target without any configuration.
    init(_ name: TargetName, place: Place) {
        self.name = name.host
        hostname = name.host
        port = name.port ?? 22
        user = name.user ?? place.user
        credentials.identityFiles = ["id_ed25519", "id_ecdsa", "id_rsa"].map {
            "\(place.home)/.ssh/\($0)"
        }
        credentials.agentSocket = place.agentSocket
        hostKeys.files = ["\(place.home)/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"]
    }

    /// Applies what `ssh -G` printed: a keyword and its value on each line.
    mutating func read(_ text: String, place: Place) {
        credentials.identityFiles = []
        credentials.certificateFiles = []
        hostKeys.files = []
        var global: [String] = []
        for line in text.split(separator: "\n") {
            guard let space = line.firstIndex(of: " ") else { continue }
            let value = String(line[line.index(after: space)...])
            switch line[..<space] {
            case "hostname": hostname = value
            case "user": user = value
            case "port": port = UInt16(value) ?? port
            case "identityfile": credentials.identityFiles.append(value)
            case "certificatefile": credentials.certificateFiles.append(value)
            case "identitiesonly": credentials.identitiesOnly = value == "yes"
            case "identityagent": credentials.agentSocket = socket(value, place)
            case "userknownhostsfile": hostKeys.files = value.split(separator: " ").map(String.init)
            case "globalknownhostsfile": global = value.split(separator: " ").map(String.init)
            case "hostkeyalias": hostKeys.alias = value
            case "stricthostkeychecking": hostKeys.acceptsNew = value == "accept-new"
            case "connecttimeout": connectTimeout = Int(value).map { .seconds($0) }
            case "proxyjump": jump = value == "none" ? nil : value
            case "proxycommand": proxyCommand = value == "none" ? nil : value
            case "compression": compresses = value == "yes"
            case "hostkeyalgorithms", "kexalgorithms":
                let list = value.split(separator: ",")
                if list.contains("ssh-rsa") || list.contains("diffie-hellman-group14-sha1") {
                    allowsLegacy = true
                }
            case let keyword: credentials.rules.read(keyword, value)
            }
        }
        proxyCommand = proxyCommand.map { expand($0, place) }
        func expanded(_ paths: [String]) -> [String] {
            paths.filter { $0 != "none" }.map { expand($0, place) }
        }
        credentials.identityFiles = expanded(credentials.identityFiles)
        credentials.certificateFiles = expanded(credentials.certificateFiles)
        hostKeys.files = expanded(hostKeys.files + global)
    }

    private func socket(_ value: String, _ place: Place) -> String? {
        switch value {
        case "none": nil
        case "SSH_AUTH_SOCK", "$SSH_AUTH_SOCK": place.agentSocket
        default:
            value.hasPrefix("$")
                ? place.environment[String(value.dropFirst())] : expand(value, place)
        }
    }

    /// Expands the leading `~` and the tokens of ssh_config(5) that a path may contain.
    private func expand(_ path: String, _ place: Place) -> String {
        var out = path.hasPrefix("~/") ? place.home : ""
        var rest = path.hasPrefix("~/") ? path.dropFirst() : path[...]
        while let percent = rest.firstIndex(of: "%") {
            out += rest[..<percent]
            rest = rest[rest.index(after: percent)...]
            switch rest.popFirst() {
            case "d": out += place.home
            case "u": out += place.user
            case "h": out += hostname
            case "n": out += name
            case "r": out += user
            case "p": out += String(port)
            case "%": out += "%"
            case let other?: out += "%\(other)"
            case nil: break
            }
        }
        return out + rest
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
