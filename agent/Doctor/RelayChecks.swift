// The way to the relay, step by step: name, addresses, TLS, the relay's verdict on this agent.
// Part of Doctor. A step that needs an earlier one which failed is left out.
import Configuration
import Crypto
import Diagnosis
import Glibc
import Loop
import Net
import Wire

/// Checks of the network, up to one address of the relay.
@IO struct RelayChecks {
    let examination: Examination
    /// The address.
    let address: String
    let identity: Identity
    /// How the agent dials.
    let way: WayOut
    /// Whether an agent runs on the folder.
    let isRunning: Bool

    /// The time of each step: one lost packet more than what a slow line takes.
    private static let patience = Duration.seconds(5)

    func run() async {
        guard let relay = RelayAddress(address) else {
            return examination.note(
                "relay", address,
                .fault(
                    "not an address that can be dialled", advice: "join again",
                    exit: ExitCode.configuration))
        }
        let start = IO.now
        if let socket = relay.socket {
            guard let stream = await connect(toSocket: socket),
                let secured = await handshake(over: stream, relay.address.host)
            else { return }
            return await hello(over: secured, since: start)
        }
        let (host, port) = (relay.address.host, relay.address.port)
        let proxy: Proxy?
        do throws(UplinkError) {
            proxy = try way.proxy(to: relay.address)
        } catch {
            return examination.note(
                "proxy", Self.proxySources,
                .fault(
                    "\(error)", advice: "correct it, or write Proxy none in agent.conf",
                    exit: ExitCode.configuration))
        }
        examination.note(
            "proxy", Self.proxySources,
            .ok(proxy.map { "the agent dials through \($0.address)" } ?? "none: it dials directly"))
        let connected: SocketStream?
        if let proxy {
            connected = await connect(to: host, port, through: proxy)
        } else {
            guard let addresses = await addresses(of: host, port) else { return }
            connected = await connect(to: addresses)
        }
        guard var way: any ByteStream = connected else { return }
        if relay.path != nil {
            let checks = WebServerChecks(examination: examination, relay: relay, way: self.way)
            guard let webSocket = await checks.run(over: way) else { return }
            way = webSocket
        }
        guard let stream = await handshake(over: way, host) else { return }
        clock(stream)
        await hello(over: stream, since: start)
    }

    /// Where the agent finds its proxy.
    private static let proxySources = "Proxy in agent.conf, HTTPS_PROXY, ALL_PROXY"

    /// Connects to a relay of this machine.
    private func connect(toSocket path: String) async -> SocketStream? {
        await examination.find(
            "socket", path, within: Self.patience,
            late: .fault("no answer", advice: "start the relay", exit: ExitCode.unavailable)
        ) {
            do throws(NetError) {
                return (.ok("connected"), try await SocketStream.connect(path: path))
            } catch {
                return (
                    .fault("\(error)", advice: "start the relay", exit: ExitCode.unavailable), nil
                )
            }
        }
    }

    /// Connects as the agent does: the proxy looks the name up, or has to do with its address.
    private func connect(
        to host: String, _ port: UInt16, through proxy: Proxy
    ) async -> SocketStream? {
        let silence = "start the proxy, or compare its address and kind"
        let time = Self.patience + Self.patience
        return await examination.find(
            "tcp", "\(host):\(port) through \(proxy.address)", within: time + .seconds(1),
            late: .fault("no answer", advice: silence, exit: ExitCode.unavailable)
        ) {
            let start = IO.now
            var dialling = Dialling()
            dialling.proxy = proxy
            do throws(NetError) {
                let stream = try await SocketStream.connect(
                    host: host, port: port, deadline: time, dialling)
                return (.ok("connected in \(Self.text(IO.now - start))"), stream)
            } catch {
                return (Self.unreachable(error, through: proxy), nil)
            }
        }
    }

    private static func unreachable(_ error: NetError, through proxy: Proxy) -> Check.Verdict {
        let advice: String
        switch error {
        case .proxy(_, let failure):
            switch failure {
            case .credentialsNeeded, .credentialsRefused:
                advice = "name the file with USER:PASSWORD: ProxyCredentials in agent.conf"
            case .unknownLogin: advice = "put a proxy in between that logs in for this machine"
            case .refused: advice = "ask the proxy's operator to let this machine through"
            case .unreachable, .silent, .ended, .garbled, .tooLong, .unusable:
                advice = "start the proxy, or compare its address and kind"
            }
        default: advice = "start the proxy, or compare its address and kind"
        }
        return .fault("\(error)", advice: advice, exit: ExitCode.unavailable)
    }

    private func addresses(of host: String, _ port: UInt16) async -> [SocketAddress]? {
        let advice = "check the name and the servers in /etc/resolv.conf: getent ahosts \(host)"
        return await examination.find(
            "dns", host, within: Self.patience,
            late: .fault("no answer within 5 s", advice: advice, exit: ExitCode.unavailable)
        ) {
            let start = IO.now
            do throws(LoopError) {
                let found = try await DNS.resolve(host, port: port)
                let shown = found.map(\.host).joined(separator: ", ")
                return (.ok("\(shown) in \(Self.text(IO.now - start))"), found)
            } catch {
                return (.fault("\(error)", advice: advice, exit: ExitCode.unavailable), nil)
            }
        }
    }

    /// Connects to every address at once; returns the first one's connection that came about.
    private func connect(to addresses: [SocketAddress]) async -> SocketStream? {
        let start = IO.now
        let dials = addresses.prefix(Self.most).map { address in
            IO.task { () async -> (Result<SocketStream, NetError>, Duration) in
                do throws(NetError) {
                    let stream = try await SocketStream.connect(
                        to: address, deadline: Self.patience)
                    return (.success(stream), IO.now - start)
                } catch {
                    return (.failure(error), IO.now - start)
                }
            }
        }
        var outcomes: [(Result<SocketStream, NetError>, Duration)] = []
        for dial in dials { outcomes.append(await dial.value) }
        let streams = outcomes.compactMap { try? $0.0.get() }
        for (address, (result, time)) in zip(addresses, outcomes) {
            let verdict: Check.Verdict
            switch result {
            case .success: verdict = .ok("connected in \(Self.text(time))")
            case .failure(let error): verdict = Self.unreachable(error, works: !streams.isEmpty)
            }
            examination.note("tcp", "\(address)", verdict)
        }
        for stream in streams.dropFirst() { stream.close() }
        return streams.first
    }

    /// The most addresses that are tried; names have one or two of each family.
    private static let most = 8

    private static func unreachable(_ error: NetError, works: Bool) -> Check.Verdict {
        guard !works else {
            return .warning(
                "\(error)",
                advice: "take this address out of the DNS, or open the way to it: dials may try it"
                    + " first")
        }
        let advice: String
        switch error {
        case .refused: advice = "start the relay, and compare its port (homeline-relay status)"
        case .timedOut:
            advice = "a firewall drops the packets: open outgoing TCP to this address and port"
        default: advice = "look at this machine's network and routes"
        }
        return .fault("\(error)", advice: advice, exit: ExitCode.unavailable)
    }

    private func handshake(over below: any ByteStream, _ host: String) async -> TLSStream? {
        let (identity, authorities) = (identity, way.authoritiesFile)
        let silence =
            "something between drops what it does not know (a firewall, a proxy), or the"
            + " relay hangs: try from another network"
        return await examination.find(
            "tls", "\(below.peer), ALPN \(Contract.applicationProtocol)",
            within: Self.patience + .seconds(1),
            late: .fault("no answer", advice: silence, exit: ExitCode.unavailable)
        ) {
            do throws(NetError) {
                let context = try TLSContext(
                    client: identity.pin.map { .pin($0) } ?? .authorities(extraFile: authorities),
                    alpn: [Contract.applicationProtocol])
                let stream = try await TLSStream.handshake(
                    over: below, context: context, serverName: host, deadline: Self.patience)
                return (Self.judge(stream, isPinned: identity.pin != nil), stream)
            } catch {
                let advice: String
                switch error {
                case .wrongPin:
                    advice =
                        "if the relay has a new key, join again; otherwise somebody is in between"
                case .timedOut: advice = silence
                default:
                    advice =
                        "this port is not the relay's, or TLS is inspected on the way: compare"
                        + " it with homeline-relay status"
                }
                return (.fault("\(error)", advice: advice, exit: ExitCode.unavailable), nil)
            }
        }
    }

    private static func judge(_ stream: TLSStream, isPinned: Bool) -> Check.Verdict {
        let version = stream.version ?? "TLS"
        guard stream.applicationProtocol == Contract.applicationProtocol else {
            return .fault(
                "\(version), but no \(Contract.applicationProtocol) was agreed on",
                advice:
                    "this port is not a relay's for agents: compare it with homeline-relay status",
                exit: ExitCode.unavailable)
        }
        guard let der = stream.peerCertificate,
            let dates = try? CertificateDates(certificateDER: der)
        else { return .ok("\(version), the pin is the relay's") }
        guard !isPinned else {
            return .ok("\(version), the key is the pinned one (dates do not count)")
        }
        // OpenSSL has checked chain, name and dates; what remains is a date that comes soon.
        switch Check.Verdict.ofDates(dates, now: now) {
        case .ok(let words): return .ok("\(version), certificate trusted, \(words)")
        case let other: return other
        }
    }

    private func clock(_ stream: TLSStream) {
        guard let der = stream.peerCertificate,
            let dates = try? CertificateDates(certificateDER: der)
        else { return }
        examination.note(
            "clock", "the dates of the relay's certificate", .ofClock(dates, now: Self.now))
    }

    private func hello(over stream: TLSStream, since start: ContinuousClock.Instant) async {
        let (identity, isRunning) = (identity, isRunning)
        let advice = "read the relay's log; it may be overloaded"
        await examination.check(
            "hello", "the relay's verdict on \(identity.name)", within: .seconds(8),
            late: .fault("no answer within 8 s", advice: advice, exit: ExitCode.unavailable)
        ) {
            let first = Once<Duration>()
            do throws(UplinkError) {
                let answer = try await RelayVisit.answer(
                    over: stream, identity: identity, within: .seconds(7)
                ) { first.set(IO.now - start) }
                let time = first.value.map { "first call after \(Self.text($0))" } ?? "no call"
                switch answer {
                case .welcome(let welcome):
                    return Self.welcomed("\(welcome.name), \(time)", isRunning)
                case .refusal(let refusal): return Self.refused(refusal, time, isRunning)
                }
            } catch {
                return .fault("\(error)", advice: advice, exit: ExitCode.unavailable)
            }
        }
    }

    /// A relay that would take this agent has no connection of it now.
    static func welcomed(_ words: String, _ isRunning: Bool) -> Check.Verdict {
        guard isRunning else { return .ok("would be welcomed as \(words)") }
        return .warning(
            "would be welcomed as \(words); but the agent that runs here is not connected",
            advice: "read its log: it may be waiting for its next dial, at most a minute")
    }

    /// What a refusal means: that a later connection is open is good news where an agent runs.
    static func refused(_ refusal: Refusal, _ time: String, _ isRunning: Bool) -> Check.Verdict {
        let advice: String
        switch refusal.reason {
        case .superseded:
            guard !isRunning else { return .ok("the running agent is connected; \(time)") }
            return .warning(
                "the relay has an open connection of this agent, and none runs on this folder",
                advice: "if no agent has just ended here, a copy of the folder runs elsewhere: stop"
                    + " that one")
        case .unknown, .signature: advice = refusal.advice ?? ""
        case .revoked, .invitation:
            advice = "join again with a new invitation: homeline-relay invite prints it"
        case .duplicate:
            guard !isRunning else {
                return .warning(
                    refusal.message,
                    advice: "agent_list shows which machine is served; on the copy remove this "
                        + "folder and join again")
            }
            advice =
                "another machine runs a copy of this folder: stop it there, or remove this folder "
                + "and join again"
        case .version: advice = "bring agent and relay to the same version"
        case .unavailable:
            advice = "try again; then read the relay's log, run homeline-relay doctor"
        }
        return .fault(
            "refused (\(refusal.reason.rawValue)): \(refusal.message)", advice: advice,
            exit: refusal.isFinal ? ExitCode.noPermission : ExitCode.unavailable)
    }

    private static var now: Int64 { Int64(time(nil)) }

    private static func text(_ duration: Duration) -> String {
        "\(max(1, Int(duration / .milliseconds(1)))) ms"
    }
}
