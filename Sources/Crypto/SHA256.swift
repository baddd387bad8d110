// SHA-256, at once or piece by piece.
// Invariant: a hasher owns its C context, and `finish` consumes it.

internal import COpenSSL

/// SHA-256, at once with `hash` or piece by piece with `update` and `finish`.
public struct SHA256: ~Copyable {
    /// The size of a digest in bytes.
    public static let byteCount = 32

    private let context: OpaquePointer

    // Fetched once, never freed: OpenSSL looks `EVP_sha256()` up anew for every digest. Unsafe only
    // in its type, a pointer: what it points to never changes, and any thread may use it.
    private nonisolated(unsafe) static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

    /// A hasher without any bytes yet.
    public init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, Self.algorithm, nil) == 1
        else { preconditionFailure("OpenSSL has no SHA-256") }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let code = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(code == 1, "EVP_DigestUpdate")
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The digest of everything added, 32 bytes.
    public consuming func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, filled in
            let code = EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            precondition(code == 1, "EVP_DigestFinal_ex")
            filled = Self.byteCount
        }
    }

    /// The digest of `bytes`, 32 bytes.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finish()
    }
}
