// OpenSSH's own format of private keys (PROTOCOL.key), encrypted or not. Pure.
// Invariant: a key is handed out only if its private half fits the public half in the clear.
internal import Crypto

/// A private key in OpenSSH's format, not decrypted yet.
struct OpenSSHKey: Sendable {
    /// The public half in SSH's wire form.
    let publicKey: [UInt8]
    private let cipher: String
    private let derivation: (name: String, salt: [UInt8], rounds: Int)
    /// The private half, encrypted or not.
    private let secret: SecretBytes

    var isEncrypted: Bool { cipher != "none" }

    private static let magic = Array("openssh-key-v1\0".utf8)

    /// Reads what is in the clear; nil if the bytes are not such a key.
    init?(_ bytes: [UInt8]) {
        guard bytes.starts(with: Self.magic) else { return nil }
        var reader = WireReader(bytes[Self.magic.count...])
        guard let cipher = reader.text(), let name = reader.text(), let options = reader.string(),
            reader.uint32() == 1, let blob = reader.string(), HostKey(blob: Array(blob)) != nil,
            let secret = reader.string()
        else { return nil }
        var parameters = WireReader(options)
        let salt = parameters.string().map(Array.init) ?? []
        derivation = (name, salt, Int(parameters.uint32() ?? 0))
        self.cipher = cipher
        publicKey = Array(blob)
        self.secret = SecretBytes(secret)
    }

    /// Decrypts the key.
    ///
    /// Blocks: deriving a key from a passphrase takes up to some seconds.
    func open(_ passphrase: SecretBytes?) throws(KeyFile.Problem) -> SSHPrivateKey {
        var plain = isEncrypted ? try decrypted(passphrase ?? SecretBytes([])) : secret.copy
        // Nobody else holds the bytes by then, so that they are wiped where they are.
        defer { plain.wipe() }
        return try read(plain)
    }

    /// Reads the private half.
    private func read(_ plain: [UInt8]) throws(KeyFile.Problem) -> SSHPrivateKey {
        var reader = WireReader(plain)
        // The same number twice shows that the passphrase was right.
        guard let check = reader.uint32(), check == reader.uint32() else {
            if isEncrypted { throw .wrongPassphrase }
            throw .unreadable("its private half is damaged")
        }
        guard let type = reader.text() else { throw .unreadable("its private half is damaged") }
        guard let key = Self.key(type, &reader) else { throw .unreadable(Self.words(type)) }
        let opened = SSHPrivateKey(key)
        guard opened.blob == publicKey else {
            throw .unreadable("its private half does not belong to its public half")
        }
        return opened
    }

    private func decrypted(_ passphrase: SecretBytes) throws(KeyFile.Problem) -> [UInt8] {
        guard let cipher = PrivateKeyCipher(rawValue: cipher) else {
            throw .unreadable("encrypted with \(cipher.prefix(60)), which this agent does not know")
        }
        guard derivation.name == "bcrypt" else {
            throw .unreadable("its key derivation \(derivation.name.prefix(60)) is not known")
        }
        let sizes = cipher.sizes
        guard
            var derived = BcryptKDF.derive(
                passphrase, salt: derivation.salt, rounds: derivation.rounds,
                count: sizes.key + sizes.vector)
        else {
            throw .unreadable(
                "its key derivation has \(derivation.rounds) rounds, more than"
                    + " \(BcryptKDF.roundLimit)")
        }
        defer { derived.wipe() }
        guard let plain = cipher.decrypt(secret.copy, with: derived) else {
            throw .unreadable("its private half is damaged")
        }
        return plain
    }

    /// The key whose numbers follow its type.
    private static func key(_ type: String, _ reader: inout WireReader) -> PrivateKey? {
        func next() -> [UInt8] { reader.string().map { Array($0) } ?? [] }
        func number() -> [UInt8] { reader.string().map { Array($0.drop { $0 == 0 }) } ?? [] }
        switch type {
        case "ssh-ed25519":
            _ = next()
            var both = next()
            defer { both.wipe() }
            var seed = Array(both.prefix(32))
            defer { seed.wipe() }
            return PrivateKey(ed25519: seed)
        case "ssh-rsa":
            let (modulus, exponent) = (number(), number())
            var (secret, inverse, p, q) = (number(), number(), number(), number())
            defer {
                secret.wipe()
                inverse.wipe()
                p.wipe()
                q.wipe()
            }
            return PrivateKey(
                modulus: modulus, exponent: exponent, secret: secret, inverse: inverse,
                primes: (p, q))
        case _ where type.hasPrefix("ecdsa-sha2-"):
            let curve = String(decoding: next(), as: UTF8.self)
            let point = next()
            var secret = number()
            defer { secret.wipe() }
            return PrivateKey(curve: curve, secret: secret, point: point)
        default: return nil
        }
    }

    /// Why a key of this type is not used.
    private static func words(_ type: String) -> String {
        if type.hasPrefix("sk-") {
            return "its secret is in a security key (FIDO): add it to an ssh-agent (ssh-add)"
        }
        return "a key of type \(type.prefix(60)), which cannot be used"
    }
}
