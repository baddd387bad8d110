// A private key as SSH uses it: its public half as a blob, its signatures as SSH encodes them
// (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8332, RFC 8709). Pure.
internal import Crypto

/// A private key that signs logins.
struct SSHPrivateKey: Sendable {
    /// The public half in SSH's wire form.
    let blob: [UInt8]
    private let key: PrivateKey

    init(_ key: PrivateKey) {
        self.key = key
        var writer = WireWriter()
        switch key.publicHalf {
        case .rsa(let exponent, let modulus):
            writer.string("ssh-rsa".utf8)
            writer.number(exponent)
            writer.number(modulus)
        case .ec(let curve, let point):
            writer.string("ecdsa-sha2-\(curve)".utf8)
            writer.string(curve.utf8)
            writer.string(point)
        case .ed25519(let bytes):
            writer.string("ssh-ed25519".utf8)
            writer.string(bytes)
        }
        blob = writer.bytes
    }

    /// The signature by an algorithm, without the algorithm's name; nil if the key has none such.
    ///
    /// Blocks for some milliseconds.
    func sign(_ data: [UInt8], algorithm: String) -> [UInt8]? {
        switch key.publicHalf {
        case .rsa:
            guard let hash = Self.hash(ofRSA: algorithm) else { return nil }
            return key.sign(data, hash)?.first
        case .ec(let curve, _):
            let hash: PrivateKey.Hash =
                curve == "nistp521" ? .sha512 : curve == "nistp384" ? .sha384 : .sha256
            guard let numbers = key.sign(data, hash) else { return nil }
            var writer = WireWriter()
            for number in numbers { writer.string(number) }
            return writer.bytes
        case .ed25519: return key.sign(data, .sha512)?.first
        }
    }

    /// The hash that an RSA algorithm signs with, with or without a certificate.
    private static func hash(ofRSA algorithm: String) -> PrivateKey.Hash? {
        switch true {
        case algorithm.hasPrefix("rsa-sha2-512"): .sha512
        case algorithm.hasPrefix("rsa-sha2-256"): .sha256
        case algorithm.hasPrefix("ssh-rsa"): .sha1
        default: nil
        }
    }
}

extension WireWriter {
    /// Writes a number that is not negative (mpint, RFC 4251 §5).
    fileprivate mutating func number(_ bytes: [UInt8]) {
        // A number whose first bit is set would be negative.
        string((bytes.first ?? 0) & 128 == 0 ? bytes : [0] + bytes)
    }
}
