// The server's first messages, read independently of libssh2: its version line and the algorithm
// lists of its KEXINIT (RFC 4253 §7.1), which travel in the clear. They pick the cipher family of
// the next attempt and make the error useful. Pure; never trusted for anything else.

/// The algorithms that a server offers in its handshake.
struct ServerOffer: Equatable {
    var keyExchanges: [String]
    var hostKeys: [String]
    /// Ciphers it accepts in both directions.
    var ciphers: [String]
    /// MACs it accepts in both directions.
    var macs: [String]

    /// Reads the first bytes of a connection; nil until they contain a whole KEXINIT.
    init?(firstBytes bytes: [UInt8]) {
        guard let start = Self.afterVersion(bytes) else { return nil }
        var packet = WireReader(bytes[start...])
        guard let length = packet.uint32(), length >= 2, length < 65536,
            let padding = packet.byte(), let message = packet.bytes(Int(length) - 1),
            Int(padding) < message.count
        else { return nil }
        var body = WireReader(message)
        guard body.byte() == 20, body.bytes(16) != nil else { return nil }
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

    /// Where the line that begins with `SSH-` ends; lines before it are allowed.
    private static func afterVersion(_ bytes: [UInt8]) -> Int? {
        var start = 0
        while let end = bytes[start...].firstIndex(of: 10) {
            if bytes[start...].starts(with: Array("SSH-".utf8)) { return end + 1 }
            start = end + 1
        }
        return nil
    }

    /// The families this server could agree to, best first.
    func families(macs ours: [String]) -> [CipherFamily] {
        CipherFamily.allCases.filter { family in
            family.ciphers.contains(where: ciphers.contains)
                && (family != .counter || ours.contains(where: macs.contains))
        }
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
