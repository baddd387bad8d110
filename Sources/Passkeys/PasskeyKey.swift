// The public key of a passkey, as it is stored. Flow: libfido2's bytes at the creation → the
// store → libfido2 again at each login. Invariant: an algorithm is one of the three that devices
// have; the bytes are what libfido2 gives and takes for it.

internal import CFIDO2

/// A kind of signature (the numbers are COSE's, RFC 9053 and RFC 8812).
public enum PasskeyAlgorithm: Int32, Sendable, CaseIterable {
    /// ECDSA over P-256 with SHA-256.
    case es256 = -7
    /// Ed25519.
    case eddsa = -8
    /// RSA, PKCS #1 1.5, with SHA-256: Windows Hello.
    case rs256 = -257
}

/// A passkey's public key.
public struct PasskeyKey: Sendable, Equatable {
    /// The kind of its signatures.
    public let algorithm: PasskeyAlgorithm
    /// The key, in libfido2's form: x and y, 32 bytes each; 32 bytes; modulus and exponent.
    public let bytes: [UInt8]

    /// A stored key.
    public init(algorithm: PasskeyAlgorithm, bytes: [UInt8]) {
        (self.algorithm, self.bytes) = (algorithm, bytes)
    }

    /// Whether a signature that `assertion` (libfido2's) holds is one of this key.
    func hasSigned(_ assertion: OpaquePointer) -> Bool {
        switch algorithm {
        case .es256:
            var key = es256_pk_new()
            defer { es256_pk_free(&key) }
            guard let key, es256_pk_from_ptr(key, bytes, bytes.count) == FIDO_OK else {
                return false
            }
            return fido_assert_verify(assertion, 0, COSE_ES256, UnsafeRawPointer(key)) == FIDO_OK
        case .eddsa:
            var key = eddsa_pk_new()
            defer { eddsa_pk_free(&key) }
            guard let key, eddsa_pk_from_ptr(key, bytes, bytes.count) == FIDO_OK else {
                return false
            }
            return fido_assert_verify(assertion, 0, COSE_EDDSA, UnsafeRawPointer(key)) == FIDO_OK
        case .rs256:
            var key = rs256_pk_new()
            defer { rs256_pk_free(&key) }
            guard let key, rs256_pk_from_ptr(key, bytes, bytes.count) == FIDO_OK else {
                return false
            }
            return fido_assert_verify(assertion, 0, COSE_RS256, UnsafeRawPointer(key)) == FIDO_OK
        }
    }
}
