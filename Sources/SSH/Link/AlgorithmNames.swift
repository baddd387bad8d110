// The names of the algorithms that this agent offers by itself, and of those that it offers to old
// devices. Values.

extension Algorithms.Kind {
    /// What is offered where no configuration says otherwise, best first.
    var usual: [String] {
        switch self {
        case .keyExchange:
            // Not group 18, whose 8,192 bits take 0.1 s: servers that offer it offer a shorter one
            // too.
            Algorithms.quickKeyExchanges + [
                "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256",
                Algorithms.groupExchange + "sha256",
            ]
        case .hostKey:
            [
                "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
                "rsa-sha2-512", "rsa-sha2-256",
            ]
        case .cipher:
            [
                "chacha20-poly1305@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr",
                "aes256-gcm@openssh.com", "aes128-gcm@openssh.com",
            ]
        case .mac:
            // Encrypt-then-MAC before plain MACs, which old devices need.
            [
                "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
                "hmac-sha2-512",
            ]
        }
    }

    /// For devices that know nothing newer; only if the target's configuration asks for it.
    var legacy: [String] {
        switch self {
        case .keyExchange: ["diffie-hellman-group14-sha1"]
        case .hostKey: ["ssh-rsa"]
        case .cipher: []
        case .mac: ["hmac-sha1"]
        }
    }

    /// What libssh2 knows and can use: it names host certificates, and can verify none.
    var known: [String] { Session.known[self] ?? [] }
}

extension Algorithms {
    /// Key exchanges on elliptic curves, which take less than a millisecond.
    static let quickKeyExchanges = [
        "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
    ]
    /// How the names of the methods begin in which the server chooses the group (RFC 4419).
    static let groupExchange = "diffie-hellman-group-exchange-"
}
