// A private key that signs for SSH: RSA, ECDSA or Ed25519, from PEM or from its numbers. Numbers
// and signatures are plain bytes here; SSH's own encoding is the SSH module's.
// Invariant: the C object is only read once it is made, so that any thread may sign.

internal import COpenSSL

/// A private key.
public final class PrivateKey: @unchecked Sendable {
    /// The public half.
    public enum Public: Equatable, Sendable {
        /// RSA: numbers, big-endian, without leading zeros.
        case rsa(exponent: [UInt8], modulus: [UInt8])
        /// ECDSA: SSH's name of the curve (`nistp256`) and the uncompressed point.
        case ec(curve: String, point: [UInt8])
        /// Ed25519: 32 bytes.
        case ed25519([UInt8])
    }

    /// The hash of a signature.
    public enum Hash: Sendable {
        /// As old servers want it for RSA.
        case sha1
        /// 256 bits.
        case sha256
        /// 384 bits.
        case sha384
        /// 512 bits.
        case sha512
    }

    /// Its public half.
    public let publicHalf: Public
    private let key: KeyObject

    private init?(_ key: consuming KeyObject) {
        defer { ERR_clear_error() }
        guard let half = key.publicHalf else { return nil }
        publicHalf = half
        self.key = key
    }

    /// Reads a key in PEM, encrypted or not; nil if it is none of these kinds or the passphrase is
    /// wrong.
    ///
    /// Blocks: deriving a key from the passphrase may be costly.
    public convenience init?(pem: [UInt8], passphrase: SecretBytes? = nil) {
        var text = passphrase?.copy
        defer { text?.wipe() }
        guard let key = KeyObject(pem: pem, passphrase: text) else { return nil }
        self.init(key)
    }

    /// An Ed25519 key from its seed of 32 bytes.
    public convenience init?(ed25519 seed: [UInt8]) {
        let raw = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
        guard let key = KeyObject(raw) else { return nil }
        self.init(key)
    }

    /// An ECDSA key from SSH's name of its curve, its secret number and its point.
    public convenience init?(curve: String, secret: [UInt8], point: [UInt8]) {
        guard let curve = Curve(rawValue: curve), secret.count <= curve.size else { return nil }
        var padded = [UInt8](repeating: 0, count: curve.size - secret.count) + secret
        var number = DER.item(0x04, padded)
        // ECPrivateKey (RFC 5915 §3).
        var body =
            DER.number([1]) + number + DER.item(0xa0, DER.item(0x06, curve.identifier))
            + DER.item(0xa1, DER.item(0x03, [0] + point))
        defer {
            padded.wipe()
            number.wipe()
            body.wipe()
        }
        guard let key = KeyObject(der: DER.item(0x30, body), type: EVP_PKEY_EC) else { return nil }
        self.init(key)
    }

    /// An RSA key from its numbers, big-endian.
    public convenience init?(
        modulus: [UInt8], exponent: [UInt8], secret: [UInt8], inverse: [UInt8],
        primes: (p: [UInt8], q: [UInt8])
    ) {
        guard var first = Self.remainder(secret, below: primes.p) else { return nil }
        defer { first.wipe() }
        guard var second = Self.remainder(secret, below: primes.q) else { return nil }
        defer { second.wipe() }
        var body: [UInt8] = []
        // With its whole space from the start, so that it leaves no copy where it grows.
        body.reserveCapacity(8 * (modulus.count + 8))
        defer { body.wipe() }
        // RSAPrivateKey (RFC 8017 §A.1.2).
        for bytes in [[0], modulus, exponent, secret, primes.p, primes.q, first, second, inverse] {
            var number = DER.number(bytes)
            body += number
            number.wipe()
        }
        guard let key = KeyObject(der: DER.item(0x30, body), type: EVP_PKEY_RSA) else { return nil }
        self.init(key)
    }

    /// The signature: of RSA as PKCS #1 has it, of Ed25519 64 bytes; ECDSA gives two numbers.
    public func sign(_ data: [UInt8], _ hash: Hash) -> [[UInt8]]? {
        defer { ERR_clear_error() }
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        let isPlain = if case .ed25519 = publicHalf { true } else { false }
        var count = 0
        guard
            EVP_DigestSignInit(context, nil, isPlain ? nil : hash.algorithm, nil, key.raw) == 1,
            EVP_DigestSign(context, nil, &count, data, data.count) == 1
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        guard EVP_DigestSign(context, &bytes, &count, data, data.count) == 1 else { return nil }
        bytes.removeLast(bytes.count - count)
        switch publicHalf {
        case .rsa, .ed25519: return [bytes]
        case .ec: return DER.numbers(bytes)
        }
    }

    /// `number mod (limit - 1)`, which shortens RSA's computation.
    private static func remainder(_ number: [UInt8], below limit: [UInt8]) -> [UInt8]? {
        guard let context = BN_CTX_new(), let value = BN_secure_new(), let rest = BN_secure_new(),
            let modulus = BN_secure_new()
        else { return nil }
        defer { BN_CTX_free(context) }
        defer { for number in [value, rest, modulus] { BN_clear_free(number) } }
        BN_bin2bn(number, Int32(number.count), value)
        BN_bin2bn(limit, Int32(limit.count), modulus)
        guard BN_sub_word(modulus, 1) == 1, BN_div(nil, rest, value, modulus, context) == 1 else {
            return nil
        }
        return bytes(of: rest)
    }

    fileprivate static func bytes(of number: OpaquePointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: (Int(BN_num_bits(number)) + 7) / 8) { bytes, filled in
            filled = bytes.baseAddress.map { Int(BN_bn2bin(number, $0)) } ?? 0
        }
    }
}

/// A curve by SSH's name.
private enum Curve: String, CaseIterable {
    case nistp256, nistp384, nistp521

    /// The bytes of a number below its order.
    var size: Int {
        switch self {
        case .nistp256: 32
        case .nistp384: 48
        case .nistp521: 66
        }
    }

    /// The contents of its object identifier in DER.
    var identifier: [UInt8] {
        switch self {
        case .nistp256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
        case .nistp384: [0x2b, 0x81, 0x04, 0x00, 0x22]
        case .nistp521: [0x2b, 0x81, 0x04, 0x00, 0x23]
        }
    }

    /// Its name in OpenSSL.
    var name: String {
        switch self {
        case .nistp256: "prime256v1"
        case .nistp384: "secp384r1"
        case .nistp521: "secp521r1"
        }
    }
}

/// The little of DER (X.690) that keys and signatures need.
private enum DER {
    static func item(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
        guard body.count > 127 else { return [tag, UInt8(body.count)] + body }
        var length: [UInt8] = []
        var rest = body.count
        while rest > 0 {
            length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
            rest >>= 8
        }
        return [tag, 0x80 | UInt8(length.count)] + length + body
    }

    /// A number that is not negative.
    static func number(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array(bytes.drop { $0 == 0 })
        return item(0x02, (digits.first ?? 128) & 128 == 0 ? digits : [0] + digits)
    }

    /// The numbers of a sequence of numbers, as two's complement.
    static func numbers(_ bytes: [UInt8]) -> [[UInt8]]? {
        var rest = bytes[...]
        func head(_ tag: UInt8) -> Int? {
            guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
            guard first >= 128 else { return Int(first) }
            var length = 0
            for _ in 0..<(first & 127) { length = length << 8 | Int(rest.popFirst() ?? 0) }
            return length
        }
        guard head(0x30) == rest.count else { return nil }
        var found: [[UInt8]] = []
        while !rest.isEmpty {
            guard let length = head(0x02), length <= rest.count else { return nil }
            found.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return found
    }
}

extension PrivateKey.Hash {
    fileprivate var algorithm: OpaquePointer? {
        switch self {
        case .sha1: EVP_sha1()
        case .sha256: EVP_sha256()
        case .sha384: EVP_sha384()
        case .sha512: EVP_sha512()
        }
    }
}

extension KeyObject {
    fileprivate init?(der: [UInt8], type: Int32) {
        var der = der
        defer { der.wipe() }
        self.init(
            der.withUnsafeBufferPointer { bytes in
                var place = bytes.baseAddress
                return d2i_PrivateKey(type, nil, &place, bytes.count)
            })
    }

    /// The public half, of the kinds that SSH knows.
    fileprivate var publicHalf: PrivateKey.Public? {
        switch EVP_PKEY_get_base_id(raw) {
        case EVP_PKEY_RSA:
            guard let exponent = number("e"), let modulus = number("n") else { return nil }
            return .rsa(exponent: exponent, modulus: modulus)
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 64)
            var count = 0
            var point = [UInt8](repeating: 0, count: 256)
            guard EVP_PKEY_get_group_name(raw, &name, name.count, nil) == 1,
                let curve = Curve.allCases.first(where: {
                    Array($0.name.utf8CString) == Array(name.prefix($0.name.utf8.count + 1))
                }),
                EVP_PKEY_get_octet_string_param(raw, "encoded-pub-key", &point, point.count, &count)
                    == 1, point[0] == 4
            else { return nil }
            return .ec(curve: curve.rawValue, point: Array(point[..<count]))
        case EVP_PKEY_ED25519:
            var bytes = [UInt8](repeating: 0, count: 32)
            var count = bytes.count
            guard EVP_PKEY_get_raw_public_key(raw, &bytes, &count) == 1 else { return nil }
            return .ed25519(bytes)
        default: return nil
        }
    }

    /// A number of the key by its name in OpenSSL (EVP_PKEY-RSA(7)); nil if it has none.
    private func number(_ name: String) -> [UInt8]? {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(raw, name, &number) == 1, let number else { return nil }
        defer { BN_free(number) }
        return PrivateKey.bytes(of: number)
    }
}
