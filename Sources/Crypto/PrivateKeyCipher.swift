// The ciphers of OpenSSH's encrypted private keys (PROTOCOL.key). Pure.
// Invariant: whether the passphrase was right shows in the decrypted bytes, not here; the tag of an
// authenticated cipher is not checked, as the reader compares the halves of the key.

internal import COpenSSL

/// A cipher of an OpenSSH private key file.
public enum PrivateKeyCipher: String, CaseIterable, Sendable {
    /// AES in counter mode.
    case aes128CTR = "aes128-ctr"
    /// AES in counter mode.
    case aes192CTR = "aes192-ctr"
    /// AES in counter mode, which ssh-keygen uses.
    case aes256CTR = "aes256-ctr"
    /// AES in CBC mode.
    case aes128CBC = "aes128-cbc"
    /// AES in CBC mode.
    case aes192CBC = "aes192-cbc"
    /// AES in CBC mode.
    case aes256CBC = "aes256-cbc"
    /// AES in Galois counter mode.
    case aes128GCM = "aes128-gcm@openssh.com"
    /// AES in Galois counter mode.
    case aes256GCM = "aes256-gcm@openssh.com"
    /// Triple DES in CBC mode.
    case tripleDES = "3des-cbc"
    /// ChaCha20 with two keys, of which the first encrypts.
    case chaCha20 = "chacha20-poly1305@openssh.com"

    /// The bytes of its key and of its initial vector, in this order in what is derived.
    public var sizes: (key: Int, vector: Int) {
        switch self {
        case .aes128CTR, .aes128CBC: (16, 16)
        case .aes192CTR, .aes192CBC: (24, 16)
        case .aes256CTR, .aes256CBC: (32, 16)
        case .aes128GCM: (16, 12)
        case .aes256GCM: (32, 12)
        case .tripleDES: (24, 8)
        case .chaCha20: (64, 0)
        }
    }

    /// Decrypts with a derived key and vector; nil if the bytes are not whole blocks.
    public func decrypt(_ bytes: [UInt8], with derived: [UInt8]) -> [UInt8]? {
        guard derived.count == sizes.key + sizes.vector, let context = EVP_CIPHER_CTX_new() else {
            return nil
        }
        defer { EVP_CIPHER_CTX_free(context) }
        defer { ERR_clear_error() }
        var key = Array(derived[..<sizes.key])
        defer { key.wipe() }
        var vector = Array(derived[sizes.key...])
        defer { vector.wipe() }
        // A counter of 64 bits that begins with 1 and a nonce of 0, both little-endian.
        if self == .chaCha20 { vector = [1] + [UInt8](repeating: 0, count: 15) }
        var plain = [UInt8](repeating: 0, count: bytes.count + 32)
        var count: Int32 = 0
        guard EVP_DecryptInit_ex(context, algorithm, nil, key, vector) == 1,
            EVP_CIPHER_CTX_set_padding(context, 0) == 1,
            EVP_DecryptUpdate(context, &plain, &count, bytes, Int32(bytes.count)) == 1,
            Int(count) == bytes.count
        else {
            plain.wipe()
            return nil
        }
        plain.removeLast(32)
        return plain
    }

    private var algorithm: OpaquePointer? {
        switch self {
        case .aes128CTR: EVP_aes_128_ctr()
        case .aes192CTR: EVP_aes_192_ctr()
        case .aes256CTR: EVP_aes_256_ctr()
        case .aes128CBC: EVP_aes_128_cbc()
        case .aes192CBC: EVP_aes_192_cbc()
        case .aes256CBC: EVP_aes_256_cbc()
        case .aes128GCM: EVP_aes_128_gcm()
        case .aes256GCM: EVP_aes_256_gcm()
        case .tripleDES: EVP_des_ede3_cbc()
        case .chaCha20: EVP_chacha20()
        }
    }
}
