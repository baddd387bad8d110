// The ways into the relay: its ports, the certificate of the MCP port, and the URLs under which
// clients and agents reach it, tried from here. Part of Doctor.
import Configuration
import Crypto
import Diagnosis
import Glibc
import HTTP
import JSON
import Loop
import Net
import Wire

/// Where the relay is to be reached, as its settings say.
struct RelayEntrances: Sendable {
    /// Where it listens for MCP clients and for agents.
    var mcp: Address?
    var tunnel: Address?
    /// The files of the MCP port's certificate and key.
    var certificate: (chain: String, key: String)?
    /// Whether this machine's programs need a token.
    var needsToken = true
    /// How clients reach it, with `/mcp`; nil: as it listens.
    var publicURL: String?
    /// How agents reach it; empty: as it listens.
    var tunnelURLs: [String] = []
}

/// Checks of the entrances.
@IO struct EntranceChecks {
    let examination: Examination
    let entrances: RelayEntrances
    /// What the running relay says of itself; nil: none runs.
    let status: JSON?

    private static let patience = Duration.seconds(5)

    func run(pin: PublicKeyPin?, tunnelURLs: [String]) async {
        await port("mcp-port", "mcp_port", entrances.mcp)
        // Agents dial one address: the relay listens at the first of its name.
        await port("tunnel-port", "tunnel_port", entrances.tunnel, most: 1)
        if let (chain, key) = entrances.certificate { certificate(chain, key) }
        guard let status else { return }
        if let url = entrances.publicURL ?? status["mcp_url"]?.stringValue { await page(url) }
        guard let pin else { return }
        // At once: what hangs at one address must not use up the time of the others.
        let urls = entrances.tunnelURLs.isEmpty ? tunnelURLs : entrances.tunnelURLs
        for check in urls.map({ url in IO.task { await self.tunnel(url, pin) } }) {
            await check.value
        }
    }

    // MARK: Ports

    /// Connects to the running relay's port; without one, looks whether the port is free.
    ///
    /// The relay listens at as many of the name's addresses as `most`.
    private func port(
        _ name: String, _ member: String, _ wanted: Address?, most: Int = .max
    ) async {
        if let bound = status?[member]?.stringValue.flatMap({ Address($0) }) {
            return await open(name, bound)
        }
        guard let wanted else { return }
        await examination.check(
            name, "\(wanted)", within: .seconds(3),
            late: .fault(
                "the name did not resolve in time", advice: "give an address",
                exit: ExitCode.configuration)
        ) {
            do throws(LoopError) {
                let addresses = try await DNS.resolve(wanted.host, port: wanted.port)
                return Self.verdict(on: Array(addresses.prefix(most)))
            } catch {
                return .fault("\(error)", advice: "give an address", exit: ExitCode.configuration)
            }
        }
    }

    private func open(_ name: String, _ bound: Address) async {
        let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][bound.host] ?? bound.host
        let advice = "a local firewall drops it, or the relay is overloaded: see its log"
        await examination.check(
            name, "\(bound)", within: .seconds(3),
            late: .fault("no answer", advice: advice, exit: ExitCode.unavailable)
        ) {
            do throws(NetError) {
                try await SocketStream.connect(
                    host: host, port: bound.port, deadline: .seconds(2)
                ).close()
                return .ok("the running relay listens there, and connects")
            } catch {
                return .fault("\(error)", advice: advice, exit: ExitCode.unavailable)
            }
        }
    }

    /// Whether the relay can listen at a name's addresses: as it does, this leaves out those that
    /// the machine does not have, unless it has none.
    static func verdict(on addresses: [SocketAddress]) -> Check.Verdict {
        var isFree = false
        var absent: Check.Verdict?
        for address in addresses {
            switch obstacle(to: address) {
            case nil: isFree = true
            case EADDRINUSE: return .taken
            case EACCES:
                return .fault(
                    "not permitted",
                    advice: "take a port from 1024 on, or give CAP_NET_BIND_SERVICE",
                    exit: ExitCode.noPermission)
            case let code?:
                absent = .fault(
                    unsafe String(cString: strerror(code)),
                    advice: "give an address that this machine has", exit: ExitCode.configuration)
            }
        }
        return isFree ? .ok("free") : absent ?? .ok("free")
    }

    /// The error with which an address cannot be listened on; nil: it can.
    ///
    /// It is bound for a moment, and nobody is let in.
    private static func obstacle(to address: SocketAddress) -> Int32? {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var one: Int32 = 1
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let code = unsafe address.withSockaddr { unsafe bind(descriptor, $0, $1) }
        return code == 0 ? nil : errno
    }

    // MARK: The certificate

    private func certificate(_ chain: String, _ key: String) {
        let verdict: Check.Verdict
        do {
            let pem = try SecureFile.read(chain)
            _ = try TLSContext(
                serverCertificate: pem,
                key: try SecureFile.read(key, refusing: SecureFile.useByStrangers), alpn: [])
            verdict = .ofDates(
                try CertificateDates(certificatePEM: pem), now: Int64(time(nil)))
        } catch {
            verdict = .fault(
                "\(error)", advice: "correct --tls-certificate and --tls-key: PEM, key mode 600",
                exit: ExitCode.configuration)
        }
        examination.note("certificate", chain, verdict)
    }

    // MARK: The URLs

    /// Asks for the MCP endpoint without a token.
    private func page(_ url: String) async {
        let outside = "try it from outside: a NAT may not lead back to this machine"
        let needsToken = entrances.needsToken
        let web = WebTrust(chain: entrances.certificate?.chain)
        await examination.check(
            "public-url", "GET \(url) without a token", within: Self.patience + .seconds(1),
            late: .warning("no answer", advice: outside)
        ) {
            guard let endpoint = Endpoint(url) else {
                return .fault(
                    "not a URL", advice: "correct --public-url", exit: ExitCode.configuration)
            }
            let (client, isSecure) = Self.client(of: endpoint, web)
            do throws(HTTPError) {
                let stream = try await client.open(
                    "GET", endpoint.path, headers: ["Accept": "text/event-stream"],
                    deadline: Self.patience)
                return web.judged(
                    Self.judge(page: stream.head.status, needsToken: needsToken))
            } catch .timedOut {
                return .warning("no answer within 5 s", advice: outside)
            } catch {
                return .fault(
                    "\(error)",
                    advice: isSecure
                        ? "look at the proxy or certificate for this name"
                        : "start what answers there, or correct --public-url",
                    exit: ExitCode.unavailable)
            }
        }
    }

    /// What the answer to a client without a token means.
    static func judge(page status: Int, needsToken: Bool) -> Check.Verdict {
        switch status {
        case 401: return .ok("401: the relay asks for a token")
        // A request that is let in belongs to no MCP session.
        case 400 where !needsToken: return .ok("400: the relay lets this machine's programs in")
        case 403, 421:
            return .fault(
                "\(status): the relay does not serve this name", exit: ExitCode.configuration,
                advice: "start it with --public-url and the URL that clients use")
        case 500...599:
            return .fault(
                "\(status): a proxy answers, which does not reach the relay",
                exit: ExitCode.unavailable, advice: "compare its upstream with the MCP port")
        default:
            return .fault(
                "\(status), where a relay asks for a token: something else answers",
                exit: ExitCode.unavailable,
                advice: "have the proxy pass this path to the MCP port, or correct --public-url")
        }
    }

    private static func client(
        of endpoint: Endpoint, _ web: WebTrust
    ) -> (HTTPClient, isSecure: Bool) {
        let isSecure = endpoint.scheme == "https"
        let port = endpoint.port ?? (isSecure ? 443 : 80)
        let name = endpoint.isBracketed ? "[\(endpoint.host)]" : endpoint.host
        let host = name + (endpoint.port.map { ":\($0)" } ?? "")
        let client = HTTPClient(host: host) { () async throws(NetError) in
            guard isSecure else {
                return try await SocketStream.connect(
                    host: endpoint.host, port: port, deadline: patience)
            }
            return try await web.open(
                endpoint.host, port, Self.patience, allowsTLS12: false)
        }
        return (client, isSecure)
    }

    /// What an agent's TLS goes over: TCP, or a WebSocket through the web server in front.
    private static func way(
        to address: TunnelURL, _ web: WebTrust
    ) async throws -> any ByteStream {
        guard let path = address.path else {
            return try await SocketStream.connect(
                host: address.host, port: address.port, deadline: patience)
        }
        let stream = try await web.open(address.host, address.port, patience, allowsTLS12: true)
        return try await WebSocketStream.connect(
            over: stream, host: address.authority, path: path,
            protocol: Contract.webSocketProtocol, deadline: patience)
    }

    /// Dials as an agent does, up to the pin.
    private func tunnel(_ url: String, _ pin: PublicKeyPin) async {
        let outside = "try it from an agent's site (homeline-agent doctor): a NAT may not lead back"
        let web = WebTrust(chain: entrances.certificate?.chain)
        await examination.check(
            "tunnel-url", url, within: Self.patience * 4 + .seconds(1),
            late: .warning("no answer", advice: outside)
        ) {
            guard let address = try? TunnelURL(url) else {
                return .fault(
                    "not an address that agents dial", advice: "correct --tunnel-url",
                    exit: ExitCode.configuration)
            }
            do {
                let context = try TLSContext(
                    client: .pin(pin), alpn: [Contract.applicationProtocol])
                let stream = try await TLSStream.handshake(
                    over: try await Self.way(to: address, web), context: context,
                    serverName: address.host, deadline: Self.patience)
                let version = stream.version ?? "TLS"
                stream.close()
                return web.judged(.ok("\(version), the key is this relay's"))
            } catch NetError.timedOut(let what) {
                return .warning("\(what) took too long", advice: outside)
            } catch let error as WebSocketError {
                return .fault(
                    "\(error)",
                    advice:
                        "have the web server pass \(address.path ?? "it") on to the MCP port, as"
                        + " docs/proxies.md shows, or correct --tunnel-url",
                    exit: ExitCode.unavailable)
            } catch {
                return .fault(
                    "\(error)",
                    advice: "correct --tunnel-url, or what forwards this port: it must reach the"
                        + " tunnel port as it is", exit: ExitCode.unavailable)
            }
        }
    }
}

extension Check.Verdict {
    fileprivate static let taken = Check.Verdict.fault(
        "another program listens there", advice: "end it, or give this relay another port",
        exit: ExitCode.unavailable)

    fileprivate static func fault(
        _ came: String, exit: Int32, advice: String
    ) -> Check.Verdict { .fault(came, advice: advice, exit: exit) }
}
