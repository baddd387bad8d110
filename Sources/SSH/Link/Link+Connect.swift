// From a configuration to an authenticated link: dial, shake hands, check the host key, log in.
// Invariant: nothing secret is sent before the host key has been checked.
internal import CSSH2
internal import Loop
internal import Net

extension Link {
    /// Opens an authenticated link; every step has its deadline and its own error.
    ///
    /// With `jump` the new link runs over a stream of that link, which must outlive it.
    public static func connect(
        _ configuration: LinkConfiguration, through jump: Link? = nil
    ) async throws(SSHError) -> Link {
        let known = await KnownHosts.read(configuration.trust.files)
        var all = known
        // As in ssh: the order is asked for by the host's plain name.
        if let command = configuration.trust.command {
            let host = configuration.host.lowercased()
            all.add(try await command.lines(of: host, key: nil), file: KnownHostsCommand.name)
        }
        let link = try await handshake(configuration, all, jump)
        do throws(SSHError) {
            try await link.checkHostKey(known)
            try await link.logIn()
        } catch {
            link.close()
            throw error
        }
        link.keepAlive()
        link.session.transport.loggedIn()
        return link
    }

    /// Makes one attempt per cipher family until one is agreed on.
    private static func handshake(
        _ configuration: LinkConfiguration, _ known: KnownHosts, _ jump: Link?
    ) async throws(SSHError) -> Link {
        let types = known.keyTypes(
            host: configuration.host, port: configuration.port, alias: configuration.trust.alias)
        let end = IO.now + configuration.limits.connect
        let (address, algorithms) = (configuration.address, configuration.algorithms)
        if let lack = algorithms.lack { throw .local(reason: lack) }
        var exchanges = algorithms.names(.keyExchange)
        if let slow = slowExchangers[address] {
            exchanges.removeAll { $0.hasPrefix(Algorithms.groupExchange) }
            if exchanges.isEmpty { throw slow }
        }
        var families = algorithms.families
        if let last = lastFamily[address], let place = families.firstIndex(of: last) {
            families.insert(families.remove(at: place), at: 0)
        }
        while true {
            let family = families.removeFirst()
            let carrier = try await carrier(configuration, jump, end - IO.now)
            let link = try Link(configuration, carrier)
            try link.session.prefer(
                family, keyExchanges: exchanges, hostKeys: algorithms.hostKeys(preferring: types),
                macs: algorithms.macs, compresses: configuration.compresses)
            let raw = link.session.raw
            let socket = carrier.transport.descriptor
            let code = await IO.within(max(.milliseconds(1), end - IO.now)) {
                await link.perform { libssh2_session_handshake(raw, socket) }
            }
            guard let code else {
                link.close()
                throw .handshakeTimedOut(
                    address: configuration.address, limit: configuration.limits.connect)
            }
            if code == 0 {
                link.settleKeyExchange()
                if lastFamily.count > 4096 { lastFamily = [:] }
                lastFamily[configuration.address] = family
                link.describe()
                return link
            }
            let failure = await link.handshakeFailure(code, carrier)
            let offer = link.offer
            link.close()
            guard code == LIBSSH2_ERROR_KEX_FAILURE else { throw failure }
            // The server has listed its ciphers, so only families it supports are tried, each once.
            if let offer {
                families.removeAll { !offer.allows($0, algorithms.names(.mac)) }
                if !offer.agrees(on: algorithms) { throw failure }
            }
            if families.isEmpty { throw failure }
        }
    }

    private static func carrier(
        _ configuration: LinkConfiguration, _ jump: Link?, _ left: Duration
    ) async throws(SSHError) -> any Carrier {
        let (host, port) = (configuration.host, configuration.port)
        let limit = max(.milliseconds(1), left)
        if let command = configuration.proxyCommand {
            let (proxy, socket) = try ProxyProcess.start(command)
            return try SocketCarrier(descriptor: socket, proxy: proxy)
        }
        guard let jump else {
            return try SocketCarrier(descriptor: try await dial(configuration, limit))
        }
        let opening = IO.task {
            await Result { () async throws(SSHError) -> Channel in
                try await jump.openStream(to: host, port: port)
            }
        }
        guard let result = await IO.within(limit, { await opening.value }) else {
            // It may still open; then it is closed, as nobody waits for it.
            IO.task { if case .success(let late) = await opening.value { late.close() } }
            throw .connectTimedOut(address: configuration.address, limit: limit)
        }
        let stream: Channel
        do throws(SSHError) { stream = try result.get() } catch {
            guard case .streamRefused(let address, _, let reason) = error else { throw error }
            throw .unreachable(address: address, reason: "the jump host says: \(reason)")
        }
        return ChannelCarrier(stream, descriptor: jump.session.transport.descriptor)
    }

    /// A connected socket, after as many attempts as are configured.
    private static func dial(
        _ configuration: LinkConfiguration, _ limit: Duration
    ) async throws(SSHError) -> Int32 {
        let end = IO.now + limit
        var attempt = 1
        while true {
            do throws(NetError) {
                return try await Dialler.descriptor(
                    host: configuration.host, port: configuration.port,
                    deadline: max(.milliseconds(1), end - IO.now), configuration.dialling)
            } catch {
                guard attempt < configuration.dialling.attempts, IO.now + attemptPause < end else {
                    throw SSHError(error, address: configuration.address, limit: limit)
                }
            }
            attempt += 1
            try? await IO.sleep(for: attemptPause)
        }
    }

    /// The pause between two attempts to connect, as ssh makes it.
    private static let attemptPause = Duration.seconds(1)

    private var offer: ServerOffer? { session.transport.firstExchange?.offer }

    private func handshakeFailure(_ code: Int32, _ carrier: any Carrier) async -> SSHError {
        let address = configuration.address
        if case .groupTooLarge(let bits) = session.transport.refusal {
            return .groupTooLarge(address: address, bits: bits)
        }
        if code != LIBSSH2_ERROR_KEX_FAILURE, configuration.proxyCommand != nil {
            // Its last messages may still be in the pipe.
            try? await IO.sleep(for: .milliseconds(20))
            let words = carrier.words
            if !words.isEmpty {
                return .handshakeFailed(address: address, reason: "the ProxyCommand said: \(words)")
            }
        }
        switch code {
        case LIBSSH2_ERROR_KEX_FAILURE:
            if let slow = slowExchangers[address] { return slow }
            if let offer, offer.hasCertificatesOnly {
                return .hostCertificatesOnly(address: address, offered: offer.hostKeys)
            }
            return .algorithmsRefused(
                address: address, offered: offer?.summary ?? "nothing readable",
                allowed: configuration.algorithms.chosen)
        default:
            var reason = session.lastError
            if wordsInstead?.hasPrefix(Greeting.refusal) == true {
                return .notAllowedNow(address: address)
            }
            if case .linkLost(let lost) = failure { reason = lost }
            if let words = wordsInstead { reason += ", after \u{201C}\(words)\u{201D}" }
            return .handshakeFailed(address: address, reason: reason)
        }
    }

    /// The first line of a server that does not speak SSH, shortened and without control
    /// characters.
    private var wordsInstead: String? {
        guard let bytes = session.transport.firstExchange?.words,
            let first = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
                .first
        else { return nil }
        return String(first.unicodeScalars.prefix(100).filter { $0.value >= 32 })
    }

    private func describe() {
        server.version = session.serverVersion
        server.hostKey = session.hostKey
        server.cipher = session.method(LIBSSH2_METHOD_CRYPT_CS)
        if !Session.findsStatus {
            server.notes.append(
                "libssh2 \(LIBSSH2_VERSION) does not show this agent whether a program's exit code 0"
                    + " was sent: such a program ends without a status")
        }
    }

    private func checkHostKey(_ known: KnownHosts) async throws(SSHError) {
        let (host, port) = (configuration.host, configuration.port)
        let alias = configuration.trust.alias
        let shown = configuration.hostKeyName
        guard let key = server.hostKey else {
            throw .handshakeFailed(address: configuration.address, reason: "no host key")
        }
        let trust = configuration.trust
        if let bits = key.rsaBits, bits < trust.leastRSABits {
            throw .hostKeyTooSmall(host: shown, bits: bits, required: trust.leastRSABits)
        }
        if let file = trust.revoked, try await RevokedKeys.read(file).contain(key) {
            throw .hostKeyRevoked(host: shown, key: key, file: file)
        }
        var known = known
        if let command = trust.command {
            known.add(try await command.lines(of: shown, key: key), file: KnownHostsCommand.name)
        }
        switch known.verdict(key, host: host, port: port, alias: alias) {
        case .match: return
        case .revoked: throw .hostKeyRevoked(host: shown, key: key)
        case .changed(let list): throw .hostKeyChanged(host: shown, known: list, offered: key)
        case .unknown where key == trust.accepted: return
        case .unknown:
            // As in ssh: a key that is to be stored nowhere is not accepted.
            guard trust.acceptsNew, trust.storesNew, let file = trust.files.first else {
                let authority = known.authority(host: host, port: port, alias: alias)
                guard known.unread.isEmpty || authority != nil else {
                    throw .hostKeyNotFound(host: shown, key: key, unread: known.unread)
                }
                throw .hostKeyUnknown(host: shown, key: key, authority: authority)
            }
            do throws(SSHError) {
                try await KnownHosts.trust(key, host: host, port: port, alias: alias, file: file)
            } catch {
                // Another key of the host was stored, or this one revoked, since the file was read.
                guard case .knownHosts = error else { throw error }
                // As in ssh: the key was to be accepted; that it will be new again is said.
                server.notes.append("the host key was accepted and could not be stored: \(error)")
            }
        }
    }
}

/// The ciphers that worked last, by address: the next connection starts with it.
@IO private var lastFamily: [String: CipherFamily] = [:]

extension Result where Failure == SSHError {
    /// The outcome of a throwing body.
    @IO fileprivate init(_ body: @IO () async throws(SSHError) -> Success) async {
        do throws(SSHError) {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
