// The relay's own certificate, made on first start: agents trust it by pin, not by issuer.
// Invariant: ECDSA P-256, ten years, and every name also a subject alternative name.

internal import COpenSSL

/// A new key and the certificate it signs for itself.
public struct SelfSignedCertificate: Sendable {
    /// The certificate in PEM.
    public let certificatePEM: [UInt8]
    /// Its private key, unencrypted PKCS #8 in PEM; write it with `SecureFile`.
    public let keyPEM: [UInt8]

    /// Days for which a certificate is valid: ten years, as agents check the pin and not the date.
    public static let lifetimeDays = 3650

    /// Creates a P-256 key and a certificate for `commonName` and the other host names or
    /// addresses.
    public static func generate(
        commonName: String, otherNames: [String] = []
    ) throws(CryptoError) -> SelfSignedCertificate {
        let names = [commonName] + otherNames.filter { $0 != commonName }
        for name in names where !isValid(name) { throw .invalidName(name) }
        guard let key = KeyObject(hl_ec_p256_generate()) else { throw .library("EVP_EC_gen") }
        guard let certificate = CertificateObject(X509_new()) else { throw .library("X509_new") }
        let raw = certificate.raw

        var serial = Random.bytes(16)
        serial[0] = serial[0] & 0x7f | 0x40
        guard X509_set_version(raw, 2) == 1, setSerial(raw, serial),
            X509_gmtime_adj(X509_getm_notBefore(raw), -86_400) != nil,  // clocks at sites drift
            X509_gmtime_adj(X509_getm_notAfter(raw), lifetimeDays * 86_400) != nil,
            X509_set_pubkey(raw, key.raw) == 1,
            setNames(raw, commonName: commonName)
        else { throw .library("X509 fields") }

        let alternatives = names.map { (isAddress($0) ? "IP:" : "DNS:") + $0 }
        guard addExtension(raw, NID_subject_alt_name, alternatives.joined(separator: ",")),
            addExtension(raw, NID_basic_constraints, "critical,CA:FALSE"),
            addExtension(raw, NID_key_usage, "critical,digitalSignature"),
            addExtension(raw, NID_ext_key_usage, "serverAuth")
        else { throw .invalidName(commonName) }
        guard X509_sign(raw, key.raw, EVP_sha256()) > 0 else { throw .library("X509_sign") }
        return SelfSignedCertificate(
            certificatePEM: try certificate.pem(), keyPEM: try key.pem())
    }

    /// Names reach OpenSSL's extension syntax, so only characters without meaning there pass.
    private static func isValid(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                    UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "*"):
                    true
                default: false
                }
            }
    }

    private static func isAddress(_ name: String) -> Bool {
        guard let octets = a2i_IPADDRESS(name) else { return false }
        ASN1_OCTET_STRING_free(octets)
        return true
    }

    private static func setSerial(_ raw: OpaquePointer, _ serial: [UInt8]) -> Bool {
        guard let number = BN_bin2bn(serial, Int32(serial.count), nil) else { return false }
        defer { BN_free(number) }
        return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(raw)) != nil
    }

    private static func setNames(_ raw: OpaquePointer, commonName: String) -> Bool {
        guard let name = X509_get_subject_name(raw) else { return false }
        let text = Array(commonName.utf8)
        return X509_NAME_add_entry_by_txt(
            name, "CN", MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1
            && X509_set_issuer_name(raw, name) == 1
    }

    private static func addExtension(_ raw: OpaquePointer, _ id: Int32, _ value: String) -> Bool {
        guard let made = X509V3_EXT_conf_nid(nil, nil, id, value) else {
            ERR_clear_error()
            return false
        }
        defer { X509_EXTENSION_free(made) }
        return X509_add_ext(raw, made, -1) == 1
    }
}
