// The algorithms that a handshake offers: this agent's own lists, or those of ssh_config. Pure;
// AlgorithmNames has the lists, Session knows what libssh2 has. Invariant: what an operator's list
// leaves out is never offered, and what this agent leaves out is offered only if a list names it.

/// The algorithms of a link.
public struct Algorithms: Sendable, Hashable {
    /// A list of the handshake.
    public enum Kind: String, CaseIterable, Sendable {
        case keyExchange = "KexAlgorithms"
        case hostKey = "HostKeyAlgorithms"
        case cipher = "Ciphers"
        case mac = "MACs"
    }

    /// Also offers SHA-1 algorithms, which old devices need.
    public var allowsLegacy = false

    /// What an operator chose in place of the usual list.
    private struct Choice: Hashable {
        let names: [String]
        /// Whether it only adds to ssh's own list (`+`, `^`).
        let adds: Bool
    }

    private var choices: [Kind: Choice] = [:]

    /// The usual algorithms.
    public init() {}

    /// Takes a list that ssh prints; `ssh` is the one that it prints without any configuration.
    ///
    /// Where a list only adds to that one, or only removes from it, what this agent leaves out of
    /// it stays left out.
    public mutating func choose(_ names: [String], for kind: Kind, over ssh: [String]) {
        guard names != ssh else { return }
        let adds = !ssh.isEmpty && Set(ssh).isSubset(of: names)
        // A list that removes (`-`) has what is left of ssh's own, in its order.
        let removes = !names.isEmpty && ssh.filter(names.contains) == names
        let isUsual = names.contains(where: kind.usual.contains)
        let leftOut = adds || removes && isUsual ? Set(ssh).subtracting(kind.usual) : []
        choices[kind] = Choice(names: names.filter { !leftOut.contains($0) }, adds: adds)
    }

    /// What may be offered, best first, of what libssh2 knows.
    func names(_ kind: Kind) -> [String] {
        var names = choices[kind]?.names ?? kind.usual
        if allowsLegacy || kind == .mac && wantsOldMACs {
            names += kind.legacy.filter { !names.contains($0) }
        }
        return names.filter(kind.known.contains)
    }

    /// Whether an old device is to be reached by ssh's own MACs, which have SHA-1.
    private var wantsOldMACs: Bool {
        let old = [Kind.keyExchange, .hostKey].contains { kind in
            choices[kind]?.names.contains { $0 == "ssh-rsa" || $0.hasSuffix("-sha1") } == true
        }
        return old && choices[.mac]?.adds != false
    }

    /// The host key algorithms, those of the stored key types first, so that the server shows a key
    /// that can be checked.
    func hostKeys(preferring types: [String]) -> [String] {
        let all = names(.hostKey)
        let wanted = Set(
            types.flatMap { $0 == "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", $0] : [$0] })
        return all.filter(wanted.contains) + all.filter { !wanted.contains($0) }
    }

    /// The MACs to name; some list must be named beside ciphers that need none.
    var macs: [String] {
        let names = names(.mac)
        return names.isEmpty ? Kind.mac.usual : names
    }

    /// The ciphers, in the groups that may be offered together, best first.
    var families: [CipherFamily] {
        let all = CipherFamily.all(of: names(.cipher))
        return names(.mac).isEmpty ? all.filter { !$0.needsMAC } : all
    }

    /// The lists of the configuration, for an error; nil: it has none.
    var chosen: String? {
        let lists = Kind.allCases.filter { choices[$0] != nil }.map { kind in
            "\(kind.rawValue) \(names(kind).joined(separator: ","))"
        }
        return lists.isEmpty ? nil : lists.joined(separator: "; ")
    }

    /// The list of the configuration of which this agent's SSH library has nothing, and what that
    /// library has; nil: there is none.
    public var lack: String? {
        let empty = Kind.allCases.first { kind in
            // Some ciphers need no MAC.
            names(kind).isEmpty && (kind != .mac || families.isEmpty)
        }
        guard let kind = empty else { return nil }
        let list = choices[kind]?.names.joined(separator: ",") ?? ""
        return
            "\(kind.rawValue) \(list.prefix(200)): this agent's SSH library has none of them; it has"
            + " \(kind.known.joined(separator: ","))"
    }
}

/// Ciphers that may be offered together.
///
/// libssh2 crashes or hangs when the two directions of a connection use ciphers of different
/// families, so each attempt offers one family, and the server cannot choose a mixed pair.
struct CipherFamily: Hashable, Sendable {
    let ciphers: [String]

    /// Whether its ciphers do not protect what they encrypt by themselves.
    var needsMAC: Bool { !ciphers.contains { $0.hasPrefix("chacha20") || $0.contains("-gcm@") } }

    /// The families of ciphers, in the order of their first one.
    static func all(of names: [String]) -> [CipherFamily] {
        var families: [(mark: String, ciphers: [String])] = []
        for name in names {
            // An old cipher is a family of its own.
            let mark = ["-ctr", "-gcm@"].first(where: name.contains) ?? name
            if let place = families.firstIndex(where: { $0.mark == mark }) {
                families[place].ciphers.append(name)
            } else {
                families.append((mark, [name]))
            }
        }
        return families.map { CipherFamily(ciphers: $0.ciphers) }
    }
}
