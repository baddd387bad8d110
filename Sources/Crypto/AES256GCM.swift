// Authenticated encryption: what is sealed can be neither read nor changed without the key. Pure.
// Invariant: a text that was changed anywhere, or sealed under another key, nonce or binding, opens
// to nothing at all.

internal import COpenSSL

/// Authenticated encryption with AES-256 in Galois counter mode (NIST SP 800-38D).
public enum AES256GCM {
    /// The size of a key in bytes.
    public static let keyBytes = 32
    /// The size of a nonce in bytes.
    public static let nonceBytes = 12
    /// The size in bytes of the tag that ends a sealed text.
    public static let tagBytes = 16

    /// Encrypts `plain`; the result is as long, and the tag follows it.
    ///
    /// A nonce must never be used twice with one key: with random nonces, a key serves for 2^32
    /// texts. `binding` is not part of the result, but `open` must be given the same.
    public static func seal(
        _ plain: [UInt8], key: [UInt8], nonce: [UInt8], binding: [UInt8] = []
    ) -> [UInt8] {
        precondition(
            key.count == keyBytes && nonce.count == nonceBytes, "a key or nonce of AES-GCM")
        guard let context = EVP_CIPHER_CTX_new() else { preconditionFailure("EVP_CIPHER_CTX_new") }
        defer { EVP_CIPHER_CTX_free(context) }
        var sealed = [UInt8](repeating: 0, count: plain.count + tagBytes)
        var tag = [UInt8](repeating: 0, count: tagBytes)
        var count: Int32 = 0
        var works = EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1
        if works, !binding.isEmpty {
            works = EVP_EncryptUpdate(context, nil, &count, binding, Int32(binding.count)) == 1
        }
        if works, !plain.isEmpty {
            works = EVP_EncryptUpdate(context, &sealed, &count, plain, Int32(plain.count)) == 1
        }
        var none = [UInt8](repeating: 0, count: 16)
        works = works && EVP_EncryptFinal_ex(context, &none, &count) == 1
        works =
            works
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tagBytes), &tag) == 1
        precondition(works, "OpenSSL has no AES-256-GCM")
        sealed.replaceSubrange(plain.count..., with: tag)
        return sealed
    }

    /// Decrypts what `seal` gave; nil unless key, nonce, binding and every byte are the same.
    public static func open(
        _ sealed: [UInt8], key: [UInt8], nonce: [UInt8], binding: [UInt8] = []
    ) -> [UInt8]? {
        guard key.count == keyBytes, nonce.count == nonceBytes, sealed.count >= tagBytes,
            sealed.count <= Int(Int32.max), let context = EVP_CIPHER_CTX_new()
        else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        defer { ERR_clear_error() }
        let length = sealed.count - tagBytes
        var tag = Array(sealed[length...])
        var plain = [UInt8](repeating: 0, count: length + 16)
        var count: Int32 = 0
        var works = EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1
        if works, !binding.isEmpty {
            works = EVP_DecryptUpdate(context, nil, &count, binding, Int32(binding.count)) == 1
        }
        if works, length > 0 {
            works = EVP_DecryptUpdate(context, &plain, &count, sealed, Int32(length)) == 1
        }
        works =
            works
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tagBytes), &tag) == 1
        var none = [UInt8](repeating: 0, count: 16)
        guard works, EVP_DecryptFinal_ex(context, &none, &count) == 1 else {
            plain.wipe()
            return nil
        }
        plain.removeLast(16)
        return plain
    }
}
