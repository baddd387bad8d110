// When a certificate is valid.
internal import COpenSSL
import Glibc

/// The dates between which a certificate is valid, in seconds since 1970.
public struct CertificateDates: Sendable, Equatable {
    /// The first second.
    public let start: Int64
    /// The last second.
    public let end: Int64

    /// Dates.
    public init(start: Int64, end: Int64) { (self.start, self.end) = (start, end) }

    /// Those of a certificate in DER.
    public init(certificateDER bytes: [UInt8]) throws(CryptoError) {
        guard let certificate = CertificateObject(der: bytes) else { throw .invalidCertificate }
        try self.init(certificate)
    }

    /// Those of the first certificate in PEM.
    public init(certificatePEM bytes: [UInt8]) throws(CryptoError) {
        guard let certificate = CertificateObject(pem: bytes) else { throw .invalidCertificate }
        try self.init(certificate)
    }

    private init(_ certificate: borrowing CertificateObject) throws(CryptoError) {
        guard let start = Self.seconds(X509_get0_notBefore(certificate.raw)),
            let end = Self.seconds(X509_get0_notAfter(certificate.raw))
        else { throw .invalidCertificate }
        self.init(start: start, end: end)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Int64(timegm(&parts))
    }
}
