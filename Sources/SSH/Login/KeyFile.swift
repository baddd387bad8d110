// A private key file: what its header shows before it is decrypted, and the key itself. Pure. A
// file may hold more than the key: the parameters of a curve, a certificate, text before it.
// Invariant: whatever the line ends, only the block of the private key is read.
internal import Crypto

/// The private key in a file.
struct KeyFile: Sendable {
    /// Whether a passphrase is needed.
    let isEncrypted: Bool
    /// The public half in SSH's wire form, which an OpenSSH key carries in the clear.
    let publicKey: [UInt8]?
    private let form: Form

    private enum Form: Sendable {
        case openSSH(OpenSSHKey)
        /// The block in PEM, with plain line ends.
        case pem([UInt8])
    }

    /// Why a key file cannot be used.
    enum Problem: Error, Equatable {
        case wrongPassphrase
        case unreadable(String)

        /// In the words of an attempt's outcome.
        var words: String {
            switch self {
            case .wrongPassphrase: "wrong passphrase"
            case .unreadable(let reason): reason
            }
        }
    }

    /// Reads the header; nil if the text has no private key.
    init?(_ text: [UInt8]) {
        let lines = text.split(whereSeparator: { $0 == 10 || $0 == 13 })
            .map { String(decoding: $0, as: UTF8.self).trimmed }
        let marks = lines.indices.filter { lines[$0].hasPrefix("-----BEGIN ") }
        guard let start = marks.first(where: { lines[$0].hasSuffix(" PRIVATE KEY-----") }),
            let end = lines[start...].firstIndex(where: { $0.hasPrefix("-----END ") })
        else { return nil }
        let body = lines[(start + 1)..<end]
        guard lines[start].contains("OPENSSH") else {
            isEncrypted =
                lines[start].contains("ENCRYPTED")
                || body.contains { $0.hasPrefix("Proc-Type:") && $0.hasSuffix("ENCRYPTED") }
            publicKey = nil
            form = .pem(Self.block(Array(lines[start...end])))
            return
        }
        guard var bytes = Base64.decode(body.joined()) else { return nil }
        defer { bytes.wipe() }
        guard let key = OpenSSHKey(bytes) else { return nil }
        isEncrypted = key.isEncrypted
        publicKey = key.publicKey
        form = .openSSH(key)
    }

    /// The key itself.
    ///
    /// Blocks: deriving a key from a passphrase takes up to some seconds.
    func open(_ passphrase: SecretBytes?) throws(Problem) -> SSHPrivateKey {
        switch form {
        case .openSSH(let key): return try key.open(passphrase)
        case .pem(let text):
            if isEncrypted, let reason = Self.excess(text) { throw .unreadable(reason) }
            if let key = PrivateKey(pem: text, passphrase: isEncrypted ? passphrase : nil) {
                return SSHPrivateKey(key)
            }
            if isEncrypted { throw .wrongPassphrase }
            throw .unreadable("not an RSA, ECDSA or Ed25519 key that can be parsed")
        }
    }

    /// The most iterations of PBKDF2 in a file: ten times what is usual, some seconds.
    static let iterationLimit = 5_000_000

    /// Why a key in PKCS #8 is not decrypted: its derivation would take too long.
    private static func excess(_ pem: [UInt8]) -> String? {
        let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n")
        guard lines.first?.contains("BEGIN ENCRYPTED") == true,
            let bytes = Base64.decode(lines.dropFirst().dropLast().joined())
        else { return nil }
        let most = KeyDerivation.numbers(inEncryptedKey: bytes).max() ?? 0
        guard most > iterationLimit else { return nil }
        return "its key derivation has \(most) iterations, more than \(iterationLimit)"
    }

    /// The lines of a block as OpenSSL reads them: headers (RFC 1421) end with an empty line.
    private static func block(_ lines: [Substring]) -> [UInt8] {
        var text = ""
        for (index, line) in lines.enumerated() {
            text += line + "\n"
            let isHeader = line.contains(":")
            if isHeader, index + 1 < lines.count, !lines[index + 1].contains(":") { text += "\n" }
        }
        return Array(text.utf8)
    }
}

extension String {
    /// The text without spaces at either end.
    fileprivate var trimmed: Substring {
        var text = self[...]
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text.drop { $0 == " " || $0 == "\t" }
    }
}
