// The algorithms that the handshake offers. libssh2 crashes or hangs when the two directions of a
// connection use ciphers of different families, so each attempt offers one family, and the server
// cannot choose a mixed pair. Pure values.

/// Ciphers that may be offered together.
enum CipherFamily: String, CaseIterable, Sendable {
    case chacha, counter, galois

    var ciphers: [String] {
        switch self {
        case .chacha: ["chacha20-poly1305@openssh.com"]
        case .counter: ["aes256-ctr", "aes192-ctr", "aes128-ctr"]
        case .galois: ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com"]
        }
    }
}

/// The other lists of the handshake, best first.
enum Algorithms {
    /// Those on elliptic curves, which take less than a millisecond.
    static let quickKeyExchanges = [
        "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
    ]
    /// Not group 18, whose 8,192 bits take 0.1 s: servers that offer it offer a shorter one too.
    static let keyExchanges =
        quickKeyExchanges + [
            "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256",
            groupExchange + "sha256",
        ]
    /// How the names of the methods begin in which the server chooses the group (RFC 4419).
    static let groupExchange = "diffie-hellman-group-exchange-"
    static let hostKeys = [
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "rsa-sha2-512", "rsa-sha2-256",
    ]
    /// Encrypt-then-MAC before plain MACs, which old devices need.
    static let macs = [
        "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
        "hmac-sha2-512",
    ]
    /// For devices that know nothing newer; only if the target's configuration asks for it.
    static let legacyKeyExchanges = ["diffie-hellman-group14-sha1"]
    static let legacyHostKeys = ["ssh-rsa"]
    static let legacyMacs = ["hmac-sha1"]

    /// The host key algorithms, those of the stored key types first, so that the server shows a key
    /// that can be checked.
    static func hostKeys(preferring types: [String], legacy: Bool) -> [String] {
        let all = hostKeys + (legacy ? legacyHostKeys : [])
        let wanted = Set(
            types.flatMap { $0 == "ssh-rsa" ? hostKeys.suffix(2) + legacyHostKeys : [$0] })
        return all.filter(wanted.contains) + all.filter { !wanted.contains($0) }
    }

    static func keyExchanges(legacy: Bool, groups: Bool = true) -> [String] {
        let all = keyExchanges + (legacy ? legacyKeyExchanges : [])
        return groups ? all : all.filter { !$0.hasPrefix(groupExchange) }
    }

    static func macs(legacy: Bool) -> [String] { macs + (legacy ? legacyMacs : []) }
}
