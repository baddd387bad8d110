// The algorithm lists of a server's KEXINIT (RFC 4253 §7.1), read independently of libssh2. They
// pick the cipher family of the next attempt and make the error useful. FirstExchange finds the
// message. Invariant: pure; lists that cannot be read give nil.

/// The algorithms that a server offers in its handshake.
struct ServerOffer: Equatable {
    var keyExchanges: [String]
    var hostKeys: [String]
    /// Ciphers it accepts in both directions.
    var ciphers: [String]
    /// MACs it accepts in both directions.
    var macs: [String]

    /// Reads a KEXINIT after its first byte.
    init?(_ message: WireReader) {
        var body = message
        guard body.bytes(16) != nil else { return nil }
        var lists: [[String]] = []
        for _ in 0..<6 {
            guard let list = body.text() else { return nil }
            lists.append(list.split(separator: ",").map(String.init))
        }
        keyExchanges = lists[0]
        hostKeys = lists[1]
        ciphers = lists[2].filter(lists[3].contains)
        macs = lists[4].filter(lists[5].contains)
    }

    /// Whether this server could agree to a family, with one of these MACs where it needs any.
    func allows(_ family: CipherFamily, _ ours: [String]) -> Bool {
        family.ciphers.contains(where: ciphers.contains)
            && (!family.needsMAC || ours.contains(where: macs.contains))
    }

    /// Whether key exchange and host key can be agreed on, whatever the cipher.
    func agrees(on ours: Algorithms) -> Bool {
        ours.names(.keyExchange).contains(where: keyExchanges.contains)
            && ours.names(.hostKey).contains(where: hostKeys.contains)
    }

    /// Whether every host key it offers is a certificate.
    ///
    /// libssh2 names such algorithms but can verify none: those of RSA and ECDSA lack the code,
    /// that of Ed25519 accepts only a plain key. So they are never offered.
    var hasCertificatesOnly: Bool {
        !hostKeys.isEmpty && hostKeys.allSatisfy { $0.hasSuffix(Certificate.suffix) }
    }

    /// The lists for an error message, shortened because the server controls them.
    var summary: String {
        let lists = [
            ("key exchange", keyExchanges), ("host key", hostKeys), ("cipher", ciphers),
            ("MAC", macs),
        ]
        return lists.map { name, list in
            "\(name) \(list.prefix(8).map { String($0.prefix(40)) }.joined(separator: ","))"
        }.joined(separator: "; ")
    }
}
