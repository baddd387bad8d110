// What `ssh -G` printed about a target, line by line. Pure, but for what `Tokens` asks the system.
// Invariant: a keyword that is not read here has its row in `Keyword.table`, which says what an
// operator is shown.
import Configuration
import Net
import SSH
import Wire

/// What a target is read from, beside the answer of `ssh -G`.
struct Surroundings: Sendable {
    let place: Place
    /// The lists of files that the configuration writes: `ssh -G` prints them without their quotes.
    var lists: [[String]] = []
    /// The value of %C, if the answer needs it.
    var connection: String?
    /// What `ssh -G` prints without any configuration, by keyword.
    var usual: [Substring: String] = [:]
}

extension SSHTarget {
    /// Applies what `ssh -G` printed: a keyword and its value on each line.
    mutating func read(_ text: String, _ around: Surroundings) throws(Fault) {
        let place = around.place
        credentials.identityFiles = []
        credentials.certificateFiles = []
        var (own, global) = ("", "")
        var sent: [String] = []
        var knownHosts: String?
        for (keyword, value) in SSHProgram.lines(text) {
            switch keyword {
            case "hostname": hostname = value
            case "user": user = value
            case "port": port = UInt16(value) ?? port
            case "identityfile": credentials.identityFiles.append(value)
            case "certificatefile": credentials.certificateFiles.append(value)
            case "identitiesonly": credentials.identitiesOnly = value == "yes"
            case "identityagent": credentials.agentSocket = value
            case "userknownhostsfile": own = value
            case "globalknownhostsfile": global = value
            case "hostkeyalias": hostKeys.alias = value
            case "stricthostkeychecking": readStrictness(value)
            case "revokedhostkeys": hostKeys.revoked = value == "none" ? nil : value
            case "knownhostscommand": knownHosts = value == "none" ? nil : value
            case "requiredrsasize", "rsaminsize": hostKeys.leastRSABits = Int(value) ?? 0
            case "connecttimeout": network.timeout = Int(value).map { .seconds($0) }
            case "connectionattempts": network.dialling.attempts = min(max(1, Int(value) ?? 1), 100)
            case "tcpkeepalive": network.dialling.keepsAlive = value != "no"
            case "bindaddress": network.dialling.from = value
            case "bindinterface": network.dialling.interface = value
            case "addressfamily":
                network.dialling.family = ["inet": .ipv4, "inet6": .ipv6][value]
            case "proxyjump": jump = value == "none" ? nil : value
            case "proxycommand": proxyCommand = value == "none" ? nil : value
            case "compression": network.compresses = value == "yes"
            case "setenv": setVariable(value)
            case "sendenv": sent.append(value)
            case "hostkeyalgorithms": choose(value, .hostKey, around.usual[keyword])
            case "kexalgorithms": choose(value, .keyExchange, around.usual[keyword])
            case "ciphers": choose(value, .cipher, around.usual[keyword])
            case "macs": choose(value, .mac, around.usual[keyword])
            default:
                credentials.rules.read(keyword, value, usual: around.usual[keyword])
                guard let remark = Keyword.note(keyword, value) else { continue }
                if remark.isRefusal { throw .notObeyed(name, remark.text) }
                notes.append(remark.text)
            }
        }
        for pattern in sent { sendVariables(pattern, place) }
        try expand(own: own, global: global, knownHosts, around)
    }

    /// Expands all paths; the tokens stand for what all lines together say.
    private mutating func expand(
        own: String, global: String, _ knownHosts: String?, _ around: Surroundings
    ) throws(Fault) {
        let tokens = Tokens(self, place: around.place, connection: around.connection)
        do throws(Tokens.Unexpandable) {
            if let command = proxyCommand { proxyCommand = try tokens.command(command) }
            if let hosts = jump { jump = try tokens.jump(hosts) }
            hostKeys.command = KnownHostsCommand(try tokens.words(knownHosts ?? ""))
            if let file = hostKeys.revoked { hostKeys.revoked = try tokens.path(file) }
            credentials.identityFiles = try Self.expanded(credentials.identityFiles, tokens)
            credentials.certificateFiles = try Self.expanded(credentials.certificateFiles, tokens)
            if let socket = credentials.agentSocket {
                credentials.agentSocket = try Self.socket(socket, around.place, tokens)
            }
        } catch {
            throw .notObeyed(name, "\(error)")
        }
        let files = Self.files(own, around.lists, tokens)
        hostKeys.storesNew = !files.isEmpty
        hostKeys.files = files + Self.files(global, around.lists, tokens)
    }

    private static func expanded(
        _ paths: [String], _ tokens: Tokens
    ) throws(Tokens.Unexpandable) -> [String] {
        var out: [String] = []
        for path in paths where path != "none" { out.append(try tokens.path(path)) }
        return out
    }

    /// The files of a list, which ssh has expanded and printed without quotes: as the configuration
    /// writes one of its lists, or else between the spaces.
    private static func files(
        _ value: String, _ lists: [[String]], _ tokens: Tokens
    ) -> [String] {
        let usual = [["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]]
        for list in lists + usual {
            let files = list.map { (try? tokens.path($0)) ?? $0 }
            if value == files.joined(separator: " ") || value == list.joined(separator: " ") {
                return files.filter { $0 != "none" }
            }
        }
        return value.split(separator: " ").map(String.init).filter { $0 != "none" }
    }

    private static func socket(
        _ value: String, _ place: Place, _ tokens: Tokens
    ) throws(Tokens.Unexpandable) -> String? {
        switch value {
        case "none": return nil
        case "SSH_AUTH_SOCK", "$SSH_AUTH_SOCK": return place.agentSocket
        default:
            if value.hasPrefix("$"), !value.hasPrefix("${") {
                return place.environment[String(value.dropFirst())]
            }
            return try tokens.path(value)
        }
    }

    private mutating func choose(_ list: String, _ kind: Algorithms.Kind, _ usual: String?) {
        algorithms.choose(
            list.split(separator: ",").map(String.init), for: kind,
            over: (usual ?? "").split(separator: ",").map(String.init))
    }

    private mutating func readStrictness(_ value: String) {
        hostKeys.acceptsNew = ["accept-new", "no", "off", "false"].contains(value)
        guard hostKeys.acceptsNew, value != "accept-new" else { return }
        notes.append("stricthostkeychecking \(value): new keys are accepted, changed ones never")
    }

    /// The most variables that are sent: each costs a round trip before a program starts.
    private static let mostVariables = 32

    private mutating func setVariable(_ text: String) {
        guard let equals = text.firstIndex(of: "="), environment.count < Self.mostVariables else {
            return
        }
        let name = String(text[..<equals])
        // As in ssh, the first value counts, and SetEnv counts more than SendEnv.
        guard !environment.contains(where: { $0.name == name }) else { return }
        environment.append(
            Variable(name: name, value: String(text[text.index(after: equals)...])))
    }

    /// The agent's own settings are no host's business.
    private mutating func sendVariables(_ pattern: String, _ place: Place) {
        for (name, value) in place.environment.sorted(by: { $0.key < $1.key })
        where Glob.matches(pattern, name) && !name.hasPrefix("HOMELINE_") {
            setVariable("\(name)=\(value)")
        }
    }
}

extension Fault {
    /// A target that ssh reaches, or would refuse, in a way that the agent does not follow.
    static func notObeyed(_ name: String, _ reason: String) -> Fault {
        Fault(
            .unavailable,
            "\(name): the agent's SSH configuration is not usable; correct it and try again:"
                + " \(reason)")
    }
}
