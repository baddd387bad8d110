// From a configuration to an authenticated link: dial, shake hands, check the host key, log in.
// Invariant: nothing secret is sent before the host key has been checked.
internal import CSSH2
internal import Loop

extension Link {
    /// Opens an authenticated link; every step has its deadline and its own error.
    public static func connect(
        _ configuration: LinkConfiguration
    ) async throws(SSHError) -> Link {
        let known = try await KnownHosts.read(configuration.knownHosts)
        let link = try await handshake(configuration, known)
        do throws(SSHError) {
            try await link.checkHostKey(known)
            try await link.logIn()
        } catch {
            link.close()
            throw error
        }
        link.keepAlive()
        link.session.transport.forgetFirstBytes()
        return link
    }

    /// One attempt per cipher family until one is agreed.
    private static func handshake(
        _ configuration: LinkConfiguration, _ known: KnownHosts
    ) async throws(SSHError) -> Link {
        let types = known.keyTypes(
            host: configuration.host, port: configuration.port, alias: configuration.hostKeyAlias)
        let end = IO.now + configuration.connectTimeout
        var families = CipherFamily.allCases
        if let last = lastFamily[configuration.address], last != families[0] {
            families.removeAll { $0 == last }
            families.insert(last, at: 0)
        }
        while true {
            let family = families.removeFirst()
            let socket = try await Dial.connect(
                host: configuration.host, port: configuration.port,
                limit: max(.milliseconds(1), end - IO.now))
            let link = try Link(configuration, descriptor: socket)
            try link.session.prefer(
                family,
                hostKeys: Algorithms.hostKeys(
                    preferring: types, legacy: configuration.legacyAlgorithms),
                legacy: configuration.legacyAlgorithms)
            let raw = link.session.raw
            let limit = max(.milliseconds(1), end - IO.now)
            let code = await IO.within(limit) {
                await link.perform { libssh2_session_handshake(raw, socket) }
            }
            if code == 0 {
                if lastFamily.count > 4096 { lastFamily = [:] }
                lastFamily[configuration.address] = family
                link.describe()
                return link
            }
            let failure = link.handshakeFailure(code)
            let offer = link.offer
            link.close()
            guard code == LIBSSH2_ERROR_KEX_FAILURE else { throw failure }
            // The server has said what it can, so only a family it has is tried, each once.
            if let offer {
                let possible = offer.families(
                    macs: Algorithms.macs(legacy: configuration.legacyAlgorithms))
                families.removeAll { !possible.contains($0) }
                if !offer.agrees(hostKeys: types, legacy: configuration.legacyAlgorithms) {
                    throw failure
                }
            }
            if families.isEmpty { throw failure }
        }
    }

    private var offer: ServerOffer? {
        session.transport.firstBytes.flatMap { ServerOffer(firstBytes: $0) }
    }

    private func handshakeFailure(_ code: Int32?) -> SSHError {
        let address = configuration.address
        switch code {
        case nil:
            return .handshakeTimedOut(address: address, limit: configuration.connectTimeout)
        case LIBSSH2_ERROR_KEX_FAILURE:
            return .algorithmsRefused(
                address: address, offered: offer?.summary ?? "nothing readable")
        default:
            if case .linkLost(let reason) = failure {
                return .handshakeFailed(address: address, reason: reason)
            }
            return .handshakeFailed(address: address, reason: session.lastError)
        }
    }

    private func describe() {
        serverVersion = session.serverVersion
        hostKey = session.hostKey
        cipher = session.method(LIBSSH2_METHOD_CRYPT_CS)
    }

    private func checkHostKey(_ known: KnownHosts) async throws(SSHError) {
        let (host, port) = (configuration.host, configuration.port)
        let alias = configuration.hostKeyAlias
        let shown = alias ?? (port == 22 ? host : "[\(host)]:\(port)")
        guard let key = hostKey else {
            throw .handshakeFailed(address: configuration.address, reason: "no host key")
        }
        switch known.verdict(key, host: host, port: port, alias: alias) {
        case .match: return
        case .revoked: throw .hostKeyRevoked(host: shown, key: key)
        case .changed(let list): throw .hostKeyChanged(host: shown, known: list, offered: key)
        case .unknown:
            guard configuration.acceptNew, let file = configuration.knownHosts.first else {
                throw .hostKeyUnknown(host: shown, key: key)
            }
            try await KnownHosts.trust(key, host: host, port: port, alias: alias, file: file)
        }
    }
}

/// The cipher family that worked last, by address: the next connection starts with it.
@IO private var lastFamily: [String: CipherFamily] = [:]

extension ServerOffer {
    /// Whether key exchange and host key can be agreed, whatever the cipher.
    func agrees(hostKeys types: [String], legacy: Bool) -> Bool {
        Algorithms.keyExchanges(legacy: legacy).contains(where: keyExchanges.contains)
            && Algorithms.hostKeys(preferring: types, legacy: legacy)
                .contains(where: hostKeys.contains)
    }
}
