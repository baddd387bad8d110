// The pin by which an agent knows its relay: it survives a renewed certificate on the same key.
// Invariant: always the SHA-256 of the certificate's SubjectPublicKeyInfo in DER, 32 bytes.

internal import COpenSSL

/// SHA-256 over a certificate's SubjectPublicKeyInfo (as in RFC 7469).
public struct PublicKeyPin: Sendable, Hashable, CustomStringConvertible {
    /// The digest, 32 bytes.
    public let bytes: [UInt8]

    /// Takes a digest of 32 bytes; nil for any other length.
    public init?(bytes: [UInt8]) {
        guard bytes.count == SHA256.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads a pin as `description` writes it.
    public init?(_ text: String) {
        guard let bytes = Base64.decodeURL(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The pin of the first certificate in PEM.
    public init(certificatePEM: [UInt8]) throws(CryptoError) {
        guard let certificate = CertificateObject(pem: certificatePEM) else {
            throw .invalidCertificate
        }
        try self.init(certificate)
    }

    /// The pin of a certificate in DER.
    public init(certificateDER: [UInt8]) throws(CryptoError) {
        guard let certificate = CertificateObject(der: certificateDER) else {
            throw .invalidCertificate
        }
        try self.init(certificate)
    }

    private init(_ certificate: borrowing CertificateObject) throws(CryptoError) {
        // X509_get_X509_PUBKEY returns the certificate's own object, so there is nothing to free.
        let key = X509_get_X509_PUBKEY(certificate.raw)
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(key, &encoded)
        guard count > 0, let start = encoded else { throw .invalidCertificate }
        defer { CRYPTO_free(start, #file, #line) }
        bytes = SHA256.hash(Array(UnsafeBufferPointer(start: start, count: Int(count))))
    }

    /// The digest as base64 with padding, as curl and wget take it.
    public var base64: String { Base64.encode(bytes) }

    /// The digest as base64url, 43 characters.
    public var description: String { Base64.encodeURL(bytes) }
}
