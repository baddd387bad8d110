// The relay's TLS key and certificate for tunnels, made on first need and kept in its folder.
// Invariant: the key file is written before the certificate, so a certificate always has its key.

import Crypto

/// The key and certificate that prove the relay's identity to agents.
struct RelayIdentity: Sendable {
    let certificatePEM: [UInt8]
    let keyPEM: [UInt8]
    /// The pin that agents check.
    let pin: PublicKeyPin

    /// Reads a certificate and its key from files; refuses a key that others may use.
    private init(certificate: String, key: String) throws(CryptoError) {
        certificatePEM = try SecureFile.read(certificate)
        keyPEM = try SecureFile.read(key, refusing: SecureFile.useByOthers)
        pin = try PublicKeyPin(certificatePEM: certificatePEM)
    }

    /// The folder's own identity, which must be there.
    init(existingIn folder: DataFolder) throws(CryptoError) {
        try self.init(
            certificate: folder.path + "/tunnel.crt", key: folder.path + "/tunnel.key")
    }

    /// The folder's own identity; a self-signed one is made if there is none.
    init(folder: DataFolder, names: [String] = []) throws(CryptoError) {
        let certificate = folder.path + "/tunnel.crt"
        let key = folder.path + "/tunnel.key"
        do {
            try self.init(certificate: certificate, key: key)
        } catch .file(_, code: 2) {  // ENOENT
            let made = try SelfSignedCertificate.generate(
                commonName: "homeline-relay", otherNames: names)
            try SecureFile.write(key, made.keyPEM)
            try SecureFile.write(certificate, made.certificatePEM)
            try self.init(certificate: certificate, key: key)
        }
    }
}
