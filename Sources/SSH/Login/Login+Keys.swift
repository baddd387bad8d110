// Logging in with keys and certificates, signed for by an ssh-agent or from a file. Part of Login.
// Invariant: a key file is decrypted off the loop, and only for a key that the server accepts.
internal import CSSH2
internal import Crypto
internal import Loop

extension Login {

    /// Offers a key; whether that ended the login.
    func tryKey(_ offer: KeyOffer) async -> Bool {
        guard let blob = await blob(of: offer) else { return false }
        let type = HostKey(blob: blob)?.type ?? "unknown"
        guard link.configuration.rules.allows(keyType: type) else {
            record(offer.name, "not offered: PubkeyAcceptedAlgorithms leaves out \(type)")
            return false
        }
        if let certificate = offer.certificate { offered.insert(certificate.blob) }
        let (raw, user, link) = (session.raw, user, link)
        let signing = Signing()
        // SHA-1 is in it, so that a server that wants it is refused with that reason.
        if LoginRules.isRSA(type) {
            session.sign(with: link.configuration.rules.signatures(of: type, legacy: true))
        }
        session.reply = nil
        if session.keepsKeyType {
            _ = await link.perform { hl_ssh_offer_type(raw, user, "\(type) AA==") }
        }
        let code = await link.perform {
            let code = hl_ssh_publickey(
                raw, user, blob, blob.count, Signing.callback,
                Unmanaged.passUnretained(signing).toOpaque())
            if code == LIBSSH2_ERROR_EAGAIN, let (data, algorithm) = signing.take() {
                IO.task {
                    let bytes = await self.sign(data, algorithm, offer, signing)
                    signing.state = bytes.map { .done($0) } ?? .refused
                    link.driveAgain()
                }
            }
            return code
        }
        session.keepsKeyType = code == LIBSSH2_ERROR_METHOD_NONE
        if code == 0 { return true }
        if link.failure != nil { return false }
        guard !notePartialSuccess(offer.name) else { return false }
        if let lack = signing.lack {
            record(offer.name, lack)
        } else if code == LIBSSH2_ERROR_AUTHENTICATION_FAILED
            || code == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED
        {
            record(
                offer.name,
                offer.certificate?.refusal(user: link.configuration.user) ?? "refused")
        } else if code == LIBSSH2_ERROR_METHOD_NONE {
            record(offer.name, "the server accepts no signatures of \(type) keys")
        } else {
            record(offer.name, session.lastError)
        }
        return false
    }

    private func signatures(of type: String) -> [String] {
        link.configuration.rules.signatures(
            of: type, legacy: link.configuration.algorithms.allowsLegacy)
    }

    /// What to offer; nil if it was offered before, or the key cannot be opened.
    private func blob(of offer: KeyOffer) async -> [UInt8]? {
        if let blob = offer.blob { return blob }
        // An old PEM file does not show its public half.
        guard case .file(_, let file, let passphrase) = offer.signers.first else { return nil }
        switch await Self.open(file, passphrase) {
        case .success(let key): return offers.contains { $0.blob == key.blob } ? nil : key.blob
        case .failure(let problem):
            record(offer.name, problem.words)
            return nil
        }
    }

    private static func open(
        _ file: KeyFile, _ passphrase: SecretBytes?
    ) async -> Result<SSHPrivateKey, KeyFile.Problem> {
        await Blocking.run {
            Result { () throws(KeyFile.Problem) in try file.open(passphrase) }
        }
    }

    /// The signature by the first of an offer's signers that can sign.
    private func sign(
        _ data: [UInt8], _ algorithm: String, _ offer: KeyOffer, _ signing: Signing
    ) async -> [UInt8]? {
        if signing.usesSHA1, !signatures(of: "ssh-rsa").contains("ssh-rsa") {
            signing.lack =
                "the server wants RSA signed with SHA-1, which its target does not allow"
                + " (LegacyAlgorithms yes, or PubkeyAcceptedAlgorithms +ssh-rsa in ssh_config)"
            return nil
        }
        for signer in offer.signers {
            switch signer {
            case .agent(let key):
                let lack = "the ssh-agent did not sign (\(SSHAgent.refusalReasons))"
                waiting = LoginAttempt(
                    method: offer.name, outcome: "waits for the ssh-agent to sign")
                defer { waiting = nil }
                if let bytes = await agent?.sign(
                    data, with: key, algorithm: algorithm, on: binding(data))
                {
                    return bytes
                }
                signing.lack = lack
            case .file(_, let file, let passphrase):
                switch await Self.open(file, passphrase) {
                case .failure(let problem): signing.lack = problem.words
                case .success(let key):
                    let bytes = await Blocking.run { key.sign(data, algorithm: algorithm) }
                    if let bytes {
                        signing.lack = nil
                        return bytes
                    }
                    signing.lack = "the key cannot sign with \(algorithm)"
                }
            }
        }
        return nil
    }
}
