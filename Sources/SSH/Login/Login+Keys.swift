// Logging in with key files and their certificates. Part of Login.
// Invariant: costly work (bcrypt) runs off the loop, and only for a key the server would accept.
internal import CSSH2
internal import Crypto
internal import Loop

extension Login {

    /// Records a refusal, with the possible reasons that a certificate shows.
    func refused(_ name: String, _ certificate: Certificate?) {
        record(name, certificate?.refusal(user: link.configuration.user) ?? "refused")
    }

    func tryKey(
        _ way: Way, _ text: [UInt8], _ passphrase: SecretBytes?
    ) async -> Bool {
        let certificate = way.certificate?.certificate
        let name = way.certificate?.method ?? way.authentication.method
        if let certificate { offered.insert(certificate.blob) }
        guard let header = KeyFile(text) else {
            record(name, "not a private key that can be read")
            return false
        }
        if header.isEncrypted && passphrase == nil {
            record(name, "needs a passphrase")
            return false
        }
        var blob = certificate?.blob ?? header.publicKey
        if blob == nil, !link.configuration.legacyAlgorithms {
            blob = await Blocking.run {
                HostKey(privatePEM: text, passphrase: passphrase?.copy)?.blob
            }
        }
        if let blob, let code = await objection(to: blob) {
            if code == LIBSSH2_ERROR_AUTHENTICATION_FAILED {
                refused(name, certificate)
            } else {
                record(name, words(code))
            }
            return false
        }
        let shown = (certificate?.text ?? header.publicText).map { Array($0.utf8) }
        // Pointers cross to a worker thread as numbers; the link waits for it.
        let address = UInt(bitPattern: session.raw)
        let user = user
        let secret = passphrase.flatMap { header.isEncrypted ? $0 : nil } ?? SecretBytes([])
        let step: @Sendable () -> Int32 = {
            secret.withText {
                libssh2_userauth_publickey_frommemory(
                    OpaquePointer(bitPattern: address), user, user.count - 1,
                    shown.map { $0.map { CChar(bitPattern: $0) } }, shown?.count ?? 0,
                    text.map { CChar(bitPattern: $0) }, text.count, $0)
            }
        }
        let code =
            header.isEncrypted
            ? await link.performOffLoop(step) : await link.perform { step() }
        switch code {
        case 0: return true
        case LIBSSH2_ERROR_FILE:
            record(name, header.isEncrypted ? "wrong passphrase" : "the key cannot be parsed")
        case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED
        where header.isEncrypted && session.lastError.hasPrefix("Callback"):
            record(name, "wrong passphrase")
        case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
            refused(name, certificate)
        default: record(name, session.lastError)
        }
        return false
    }

    /// Why an RSA key is not used: it was refused, or it would sign with SHA-1, which the target
    /// forbids; nil if it is used.
    ///
    /// The server is asked with the public half alone, as libssh2 picks the algorithm by itself.
    func objection(to blob: [UInt8]) async -> Int32? {
        guard !link.configuration.legacyAlgorithms,
            HostKey(blob: blob)?.type.hasPrefix("ssh-rsa") == true
        else { return nil }
        let (raw, user) = (session.raw, user)
        let signing = Signing(.looking)
        let code = await link.perform {
            hl_ssh_publickey(
                raw, user, blob, blob.count, Signing.callback,
                Unmanaged.passUnretained(signing).toOpaque())
        }
        guard signing.algorithm != nil else { return code }
        return signing.usesSHA1 ? LIBSSH2_ERROR_ALGO_UNSUPPORTED : nil
    }

    /// The reason text for a key that was not simply refused.
    func words(_ code: Int32) -> String {
        code == LIBSSH2_ERROR_ALGO_UNSUPPORTED
            ? "the server wants RSA signed with SHA-1, which its target does not allow"
                + " (LegacyAlgorithms yes)"
            : session.lastError
    }
}

extension LoginKeys.Named {
    /// The certificate in messages.
    var method: String { "certificate \(file) (\(certificate.name))" }
}

extension HostKey {
    /// The public half of an RSA key whose header does not show it (RFC 4253 §6.6).
    fileprivate init?(privatePEM text: [UInt8], passphrase: [UInt8]?) {
        guard let key = RSAPublicKey(privatePEM: text, passphrase: passphrase) else { return nil }
        var writer = WireWriter()
        writer.string("ssh-rsa".utf8)
        for number in [key.exponent, key.modulus] {
            // A number whose first bit is set would be negative.
            writer.string((number.first ?? 0) & 128 == 0 ? number : [0] + number)
        }
        self.init(blob: writer.bytes)
    }
}
