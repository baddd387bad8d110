// Logging in with what an ssh-agent signs for: configured certificates, its own certificates, its
// keys. Part of Login. Invariant: with `only`, no other key of the ssh-agent is shown to the
// server.
internal import CSSH2
internal import Loop

extension Login {

    func tryAgent(_ socket: String, _ only: [[UInt8]]?) async -> Bool {
        guard let agent = SSHAgent(socket: socket) else {
            record("publickey ssh-agent", "no agent answers at \(socket)")
            return false
        }
        defer { agent.close() }
        let candidates = candidates(await agent.identities(), only)
        for candidate in candidates {
            let certificate = candidate.certificate
            if let certificate { offered.insert(certificate.blob) }
            let code = await sign(with: candidate, agent)
            if code == 0 { return true }
            if code == LIBSSH2_ERROR_AUTHENTICATION_FAILED {
                refused(candidate.name, certificate)
            } else {
                record(candidate.name, words(code))
            }
            if link.failure != nil { return false }
        }
        if candidates.isEmpty {
            record("publickey ssh-agent", "the agent holds no key for this host")
        }
        return false
    }

    /// A key of the ssh-agent, and the certificate to offer in its place.
    struct Candidate {
        let identity: SSHAgent.Identity
        let certificate: Certificate?
        let name: String

        var blob: [UInt8] { certificate?.blob ?? identity.blob }
    }

    /// What the ssh-agent can sign for: configured certificates, its own certificates, plain keys.
    func candidates(
        _ identities: [SSHAgent.Identity], _ only: [[UInt8]]?
    ) -> [Candidate] {
        let configured = keys?.certificates ?? []
        let wanted = only.map { Set($0 + configured.map(\.certificate.key)) }
        var certified: [Candidate] = []
        var plain: [Candidate] = []
        for identity in identities {
            let own = Certificate(blob: identity.blob)
            if let wanted, !wanted.contains(own?.key ?? identity.blob) { continue }
            let name = "publickey ssh-agent \(identity.comment.prefix(80))"
            for named in configured where named.certificate.key == identity.blob {
                certified.append(
                    Candidate(
                        identity: identity, certificate: named.certificate,
                        name: "\(named.method), key in ssh-agent"))
            }
            if let own {
                if configured.contains(where: { $0.certificate == own }) { continue }
                certified.append(
                    Candidate(
                        identity: identity, certificate: own,
                        name: "\(name), certificate \(own.name)"))
            } else if only?.contains(identity.blob) ?? true {
                plain.append(Candidate(identity: identity, certificate: nil, name: name))
            }
        }
        return certified + plain
    }

    func sign(with candidate: Candidate, _ agent: SSHAgent) async -> Int32 {
        let (raw, user, link) = (session.raw, user, link)
        let (blob, key) = (candidate.blob, candidate.identity.blob)
        let signing = Signing()
        let allowsSHA1 = link.configuration.legacyAlgorithms
        let code = await link.perform {
            let code = hl_ssh_publickey(
                raw, user, blob, blob.count, Signing.callback,
                Unmanaged.passUnretained(signing).toOpaque())
            if code == LIBSSH2_ERROR_EAGAIN, let (data, algorithm) = signing.take() {
                IO.task {
                    let isAllowed = allowsSHA1 || !signing.usesSHA1
                    let bytes =
                        isAllowed
                        ? await agent.sign(data, with: key, algorithm: algorithm) : nil
                    signing.state = bytes.map { .done($0) } ?? .refused
                    link.driveAgain()
                }
            }
            return code
        }
        return code != 0 && signing.usesSHA1 && !allowsSHA1 ? LIBSSH2_ERROR_ALGO_UNSUPPORTED : code
    }
}
