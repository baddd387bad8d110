// Keyed digests: SHA-256 for Homeline's own proofs, SHA-1 where a format requires it (hashed
// known_hosts names).

internal import COpenSSL

/// Keyed digests (RFC 2104).
public enum HMAC {
    /// HMAC-SHA-1, 20 bytes; only where a format requires it.
    public static func sha1(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        digest(EVP_sha1(), size: 20, key: key, bytes)
    }

    /// HMAC-SHA-256, 32 bytes.
    public static func sha256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        digest(EVP_sha256(), size: 32, key: key, bytes)
    }

    private static func digest(
        _ kind: OpaquePointer?, size: Int, key: [UInt8], _ bytes: [UInt8]
    ) -> [UInt8] {
        precondition(key.count <= Int(Int32.max), "an HMAC key")
        // A nil key means "reuse the last one" to OpenSSL, so an empty key passes one byte's
        // address.
        let held = key.isEmpty ? [0] : key
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            let code = COpenSSL.HMAC(
                kind, held, Int32(key.count), bytes, bytes.count, buffer.baseAddress, nil)
            precondition(code != nil, "HMAC")
            filled = size
        }
    }
}
