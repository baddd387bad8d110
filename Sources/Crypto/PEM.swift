// PEM and DER through OpenSSL's memory BIOs; the only file of this module that owns their pointers.
// Invariant: reading never asks a terminal for a passphrase; without one an encrypted key is
// refused.

internal import COpenSSL

/// A private or public key's C object, freed with this value.
struct KeyObject: ~Copyable {
    let raw: OpaquePointer

    init?(_ raw: OpaquePointer?) {
        guard let raw else { return nil }
        self.raw = raw
    }

    deinit { EVP_PKEY_free(raw) }

    /// Reads a private key in PEM.
    init?(pem: [UInt8], passphrase: [UInt8]? = nil) {
        self.init(
            withReadBuffer(pem) { buffer in
                guard var text = passphrase else {
                    return PEM_read_bio_PrivateKey(buffer, nil, { _, _, _, _ in -1 }, nil)
                }
                // Without a callback the argument is the passphrase, ended by a zero.
                text.append(0)
                defer { text.wipe() }
                return text.withUnsafeMutableBytes {
                    PEM_read_bio_PrivateKey(buffer, nil, nil, $0.baseAddress)
                }
            })
    }

    /// The private key as unencrypted PKCS #8 in PEM.
    func pem() throws(CryptoError) -> [UInt8] {
        try writeBuffer("PEM_write_bio_PrivateKey") { buffer in
            PEM_write_bio_PrivateKey(buffer, raw, nil, nil, 0, nil, nil)
        }
    }
}

/// A certificate's C object, freed with this value.
struct CertificateObject: ~Copyable {
    let raw: OpaquePointer

    init?(_ raw: OpaquePointer?) {
        guard let raw else { return nil }
        self.raw = raw
    }

    deinit { X509_free(raw) }

    init?(pem: [UInt8]) {
        self.init(
            withReadBuffer(pem) { PEM_read_bio_X509($0, nil, { _, _, _, _ in -1 }, nil) })
    }

    init?(der: [UInt8]) {
        self.init(withReadBuffer(der) { d2i_X509_bio($0, nil) })
    }

    func pem() throws(CryptoError) -> [UInt8] {
        try writeBuffer("PEM_write_bio_X509") { PEM_write_bio_X509($0, raw) }
    }
}

/// Runs `body` on a BIO that reads `bytes`; nil when there are none or `body` fails.
func withReadBuffer(
    _ bytes: [UInt8], _ body: (OpaquePointer) -> OpaquePointer?
) -> OpaquePointer? {
    defer { ERR_clear_error() }
    guard bytes.count <= Int(Int32.max) else { return nil }
    return bytes.withUnsafeBytes { region in
        guard let buffer = BIO_new_mem_buf(region.baseAddress, Int32(region.count)) else {
            return nil
        }
        defer { BIO_free(buffer) }
        return body(buffer)
    }
}

/// The bytes `body` writes to a BIO.
func writeBuffer(
    _ call: String, _ body: (OpaquePointer) -> Int32
) throws(CryptoError) -> [UInt8] {
    guard let buffer = BIO_new(BIO_s_mem()) else { throw .library("BIO_new") }
    defer { BIO_free(buffer) }
    guard body(buffer) == 1 else { throw .library(call) }
    let count = BIO_ctrl_pending(buffer)
    return [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
        filled = max(0, Int(BIO_read(buffer, bytes.baseAddress, Int32(count))))
    }
}
