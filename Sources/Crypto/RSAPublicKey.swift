// The public half of an RSA key, read from its private half in PEM: SSH asks a server about it
// before it signs. Invariant: numbers are unsigned, big-endian, without leading zeros.

internal import COpenSSL

/// The two numbers of an RSA public key (RFC 8017 §3.1).
public struct RSAPublicKey: Sendable, Equatable {
    /// The modulus, n.
    public let modulus: [UInt8]
    /// The public exponent, e.
    public let exponent: [UInt8]

    /// Reads a private key in PEM, PKCS #1 or #8; nil if it is not an RSA key, or the passphrase is
    /// wrong.
    ///
    /// Blocks: deriving a key from the passphrase may be costly.
    public init?(privatePEM: [UInt8], passphrase: [UInt8]? = nil) {
        guard let key = KeyObject(pem: privatePEM, passphrase: passphrase),
            let modulus = key.number("n"), let exponent = key.number("e")
        else { return nil }
        (self.modulus, self.exponent) = (modulus, exponent)
    }
}

extension KeyObject {
    /// A number of the key by its name in OpenSSL (EVP_PKEY-RSA(7)); nil if it has none.
    fileprivate func number(_ name: String) -> [UInt8]? {
        var number: OpaquePointer?
        defer { ERR_clear_error() }
        guard EVP_PKEY_get_bn_param(raw, name, &number) == 1, let number else { return nil }
        defer { BN_free(number) }
        return [UInt8](unsafeUninitializedCapacity: (Int(BN_num_bits(number)) + 7) / 8) {
            bytes, filled in
            filled = bytes.baseAddress.map { Int(BN_bn2bin(number, $0)) } ?? 0
        }
    }
}
