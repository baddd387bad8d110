// The tokens of ssh_config(5) and `~` and `${NAME}` in what `ssh -G` prints unexpanded. Pure, but
// for the names of users, which the system's database knows.
// Invariant: what ssh would not expand is refused, never used as it is written.
import Glibc

/// The values of the tokens for one target.
struct Tokens {
    /// Why ssh would not use a text.
    enum Unexpandable: Error, Equatable, CustomStringConvertible {
        case unknown(Character)
        case noValue(String)
        case unclosed
        case noUser(String)
        case notOneHost(String)

        var description: String {
            switch self {
            case .unknown(let token): "ssh_config(5) has no token %\(token) there"
            case .noValue(let name): "the agent's environment has no variable \(name)"
            case .unclosed: "${ has no }"
            case .noUser(let name): "this machine has no user \(name)"
            case .notOneHost(let hop): "the jump host \(hop), expanded, is not one host"
            }
        }
    }

    private let values: [Character: String]
    private let place: Place
    /// The tokens of a ProxyCommand; its shell expands the rest.
    private static let ofCommand: Set<Character> = ["%", "h", "k", "n", "p", "r"]

    /// The tokens of a KnownHostsCommand that differ between its runs.
    private static let ofKeys: Set<Character> = ["%", "H", "I", "t", "f", "K"]

    /// The tokens of a target; `connection` is the value of %C.
    init(_ target: SSHTarget, place: Place, connection: String?) {
        self.place = place
        let name = target.sshName
        let local = Self.hostName()
        var values: [Character: String] = [
            "%": "%", "d": place.home, "h": target.hostname, "i": String(geteuid()),
            "j": target.jump ?? "", "k": target.hostKeys.alias ?? name,
            "L": String(local.prefix { $0 != "." }), "l": local, "n": name,
            "p": String(target.port), "r": target.user, "u": place.user,
        ]
        values["C"] = connection
        self.values = values
    }

    /// A path with its `~`, its tokens and its variables expanded.
    func path(_ text: String) throws(Unexpandable) -> String {
        try expanded(try inHome(text), variables: true)
    }

    /// A ProxyCommand with its tokens expanded.
    func command(_ text: String) throws(Unexpandable) -> String {
        try expanded(text, only: Self.ofCommand, variables: false)
    }

    /// The words of a KnownHostsCommand, in which the tokens about the host's key, and `%%`, are
    /// still to be expanded.
    func words(_ text: String) throws(Unexpandable) -> [String] {
        var words: [String] = []
        for word in ConfigurationScanner.words("command \(text)").dropFirst() {
            words.append(try expanded(word, later: Self.ofKeys, variables: false))
        }
        return words
    }

    /// The jump hosts of a ProxyJump with their tokens expanded: ssh makes a ProxyCommand of them.
    ///
    /// A caller may have chosen the user: its name makes no other host of what is written.
    func jump(_ text: String) throws(Unexpandable) -> String {
        var hops: [String] = []
        for hop in text.split(separator: ",") {
            let start = hop.lastIndex(of: "@").map(hop.index(after:)) ?? hop.startIndex
            let user = try command(String(hop[..<start]))
            let host = try command(String(hop[start...]))
            guard !(user + host).contains(","), !host.contains("@") else {
                throw .notOneHost(String(hop))
            }
            hops.append(user + host)
        }
        return hops.joined(separator: ",")
    }

    /// `~` and `~user` in front of a path.
    private func inHome(_ text: String) throws(Unexpandable) -> String {
        guard text.hasPrefix("~") else { return text }
        let user = text.dropFirst().prefix { $0 != "/" }
        let rest = text.dropFirst(1 + user.count)
        if user.isEmpty { return place.home + rest }
        guard let home = Self.home(of: String(user)) else { throw .noUser(String(user)) }
        return home + rest
    }

    private func expanded(
        _ text: String, only allowed: Set<Character>? = nil, later: Set<Character> = [],
        variables: Bool
    ) throws(Unexpandable) -> String {
        var out = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            if character == "%" {
                let token = rest.popFirst() ?? " "
                guard !later.contains(token) else {
                    out += "%\(token)"
                    continue
                }
                guard allowed?.contains(token) != false, let value = values[token] else {
                    throw .unknown(token)
                }
                out += later.isEmpty ? value : value.replacing("%", with: "%%")
            } else if character == "$", variables, rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else { throw .unclosed }
                let name = String(rest[rest.index(after: rest.startIndex)..<end])
                guard let value = place.environment[name] else { throw .noValue(name) }
                out += value
                rest = rest[rest.index(after: end)...]
            } else {
                out.append(character)
            }
        }
        return out
    }

    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func home(of user: String) -> String? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        // A line of the user database is far shorter than 16 KiB.
        var texts = [CChar](repeating: 0, count: 16 << 10)
        guard unsafe getpwnam_r(user, &entry, &texts, texts.count, &found) == 0, unsafe found != nil
        else { return nil }
        return unsafe String(cString: entry.pw_dir)
    }
}
