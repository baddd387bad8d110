// Ed25519 keys (RFC 8032): an agent's identity and the relay's nonce signature.
// Values, not C objects: a key is its 32 bytes, so it is Sendable without any lock.

internal import COpenSSL

/// An Ed25519 private key.
public struct Ed25519PrivateKey: Sendable {
    /// The 32-byte seed.
    private let seed: [UInt8]

    /// The public half.
    public let publicKey: Ed25519PublicKey

    /// A new key.
    public static func generate() throws(CryptoError) -> Ed25519PrivateKey {
        try Ed25519PrivateKey(seed: Random.bytes(32))
    }

    /// Reads an unencrypted PKCS #8 PEM key.
    public init(pem: [UInt8]) throws(CryptoError) {
        guard let key = KeyObject(pem: pem), EVP_PKEY_get_id(key.raw) == EVP_PKEY_ED25519 else {
            throw .invalidKey
        }
        try self.init(
            seed: try rawBytes(count: 32) { EVP_PKEY_get_raw_private_key(key.raw, $0, $1) })
    }

    init(seed: [UInt8]) throws(CryptoError) {
        let key = try Self.object(seed)
        self.seed = seed
        publicKey = try Ed25519PublicKey(
            bytes: try rawBytes(count: 32) { EVP_PKEY_get_raw_public_key(key.raw, $0, $1) })
    }

    /// The key as unencrypted PKCS #8 in PEM; write it with `SecureFile`.
    public func pem() throws(CryptoError) -> [UInt8] {
        try Self.object(seed).pem()
    }

    /// The 64-byte signature of `message`.
    public func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        let key = try Self.object(seed)
        guard let context = EVP_MD_CTX_new() else { throw .library("EVP_MD_CTX_new") }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestSignInit(context, nil, nil, nil, key.raw) == 1 else {
            throw .library("EVP_DigestSignInit")
        }
        return try rawBytes(count: 64) { EVP_DigestSign(context, $0, $1, message, message.count) }
    }

    private static func object(_ seed: [UInt8]) throws(CryptoError) -> KeyObject {
        let raw = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
        guard let key = KeyObject(raw) else { throw .invalidKey }
        return key
    }
}

/// An Ed25519 public key.
public struct Ed25519PublicKey: Sendable, Hashable {
    /// The key, 32 bytes.
    public let bytes: [UInt8]

    /// Takes 32 raw bytes; throws `invalidKey` for another number of them, and for a key of small
    /// order, for which a signature can be made that fits any message.
    public init(bytes: [UInt8]) throws(CryptoError) {
        guard bytes.count == 32, !Self.hasSmallOrder(bytes) else { throw .invalidKey }
        self.bytes = bytes
    }

    /// The encodings of the points of order 1, 2, 4 and 8, also those that are not
    /// reduced; the highest bit is the sign of x (RFC 8032 §5.1.2).
    private static func hasSmallOrder(_ bytes: [UInt8]) -> Bool {
        let last = bytes[31] & 0x7f
        let middle = bytes[1..<31]
        if last == 0, middle.allSatisfy({ $0 == 0 }), bytes[0] <= 1 { return true }
        if last == 0x7f, middle.allSatisfy({ $0 == 0xff }), (0xec...0xee).contains(bytes[0]) {
            return true
        }
        let hex = Hex.encode(Array(bytes[..<31]) + [last])
        return hex == "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
            || hex == "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
    }

    /// Whether `signature` (64 bytes) over `message` was made with the private half.
    public func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        defer { ERR_clear_error() }
        guard signature.count == 64,
            let key = KeyObject(
                EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count)),
            let context = EVP_MD_CTX_new()
        else { return false }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestVerifyInit(context, nil, nil, nil, key.raw) == 1 else { return false }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}

/// Exactly `count` bytes that a C call writes, given a buffer and its size.
private func rawBytes(
    count: Int, _ fill: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>) -> Int32
) throws(CryptoError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var size = count
    let code = bytes.withUnsafeMutableBufferPointer { fill($0.baseAddress, &size) }
    guard code == 1, size == count else { throw .invalidKey }
    return bytes
}
