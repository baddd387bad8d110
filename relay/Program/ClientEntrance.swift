// Where MCP clients come in: the listeners, the HTTP server, and the endpoint behind it. Flow: a
// connection → (TLS) → HTTPServer → MCPHTTPEndpoint → MCPServer. Invariant: a connection waits in
// the room until its client has shown a valid token.
import Configuration
import Glibc
import HTTP
import Loop
import MCP
import Net

/// The port of MCP clients.
@IO final class ClientEntrance {
    /// How MCP clients reach it.
    private(set) var url = ""
    private let server: MCPServer
    private let gate: Gate
    private let authenticate: @IO (HTTPRequest, Set<String>) -> Authentication
    private let entrances: Entrances
    /// The door of the drop-box.
    let files: FileDoor
    /// The door of browsers.
    let web: WebDoor
    /// The pages behind it.
    let pages: Pages
    private let room = WaitingRoom()
    private(set) var listeners: [Listener] = []
    /// The clients of stdio programs.
    private var lines: [ObjectIdentifier: MCPLines] = [:]
    private var http: HTTPServer?
    private var endpoint: MCPHTTPEndpoint?

    /// Descriptors that MCP clients never get: those of the waiting rooms (512 each), the agents'
    /// tunnels, the store, the log and the admin socket.
    nonisolated static let reserve = 1536

    /// `authenticate` is given a request and the origins of pages that may call.
    init(
        _ server: MCPServer, _ gate: Gate, _ entrances: Entrances, files: FileDoor,
        pages: Pages,
        authenticate: @escaping @IO (HTTPRequest, Set<String>) -> Authentication
    ) {
        (self.server, self.gate, self.entrances) = (server, gate, entrances)
        self.files = files
        self.pages = pages
        web = pages.door
        self.authenticate = authenticate
    }

    /// Where it listens; nil before that.
    var address: SocketAddress? { listeners.first?.address }

    /// Listens at the addresses of `host`, with the sockets that an earlier process has for them.
    func listen(
        _ addresses: [SocketAddress], of host: String, adopting inheritance: Inheritance? = nil
    ) throws(NetError) {
        let address = addresses[0]
        let isLoopback = addresses.allSatisfy(\.isLoopback)
        var limits = HTTPLimits()
        limits.connections = min(
            limits.connections, max(64, Process.raiseDescriptorLimit() - Self.reserve))
        let http = HTTPServer(
            limits: limits,
            judge: { [weak self] request in
                self?.serves(request.path) == true ? self?.endpoint?.sender(of: request) : nil
            },
            streams: { [weak self] request in
                FileDoor.serves(request.path) && self?.serves(request.path) == false
            },
            openBodies: { [web] request in
                request.method == "POST" && web.serves(request.path) ? FormBody.limit : 0
            },
            handler: { [weak self] request, responder in
                await self?.handle(request, responder)
            })
        http.onTLS = { DoorLog.shared.noteTLS(from: $0) }
        self.http = http
        let certificate = entrances.certificate
        listeners = try Self.listen(at: addresses, inheritance) { [room] in
            Self.receive($0, certificate?.context, http, room)
        }
        let port = listeners[0].address?.port ?? address.port
        let scheme = certificate == nil ? "http" : "https"
        let shown = Address(host: address.isWildcard ? Process.hostName : address.host, port: port)
        url = entrances.publicURL?.description ?? "\(scheme)://\(shown)/mcp"
        web.address = WebAddress(mcp: url)
        let (publicURL, origins) = (entrances.publicURL, entrances.origins)
        var hosts: Set<String> = []
        if isLoopback || publicURL != nil && !address.isWildcard {
            // The names that the operator gave; the address may come from a name.
            hosts = Set([host] + addresses.map(Self.urlHost))
        }
        if let publicURL { hosts.insert(publicURL.host) }
        endpoint = MCPHTTPEndpoint(
            server: server,
            access: HTTPAccess(
                isLoopback: isLoopback, allowedOrigins: origins, allowedHosts: hosts,
                advice: HTTPAccess.Advice(
                    host:
                        "start the relay with \(Settings.publicURL.flag) and the URL that clients use",
                    origin: "start the relay with \(Settings.origins.flag) for pages of it"))
        ) { [authenticate] request in authenticate(request, origins) }
    }

    /// Serves an MCP client, over TLS if there is a context; it waits in the room until it has
    /// shown a valid token.
    private static func receive(
        _ socket: SocketStream, _ context: TLSContext?, _ server: HTTPServer, _ room: WaitingRoom
    ) {
        let number = room.enter(socket)
        let known: @IO () -> Void = { room.leave(number) }
        guard let context else { return server.serve(socket, onKnown: known) }
        IO.task {
            do throws(NetError) {
                let stream = try await TLSStream.handshake(
                    over: socket, context: context,
                    plainReply: PlainReply.saying(
                        "this port has TLS: the URL must begin with https://"),
                    mayBegin: { room.mayBegin(number) })
                room.spoke(number)
                server.serve(stream, onKnown: known)
            } catch {
                DoorLog.shared.note(error, from: socket.peer)
                known()
            }
        }
    }

    /// Listens at every address of a name (`localhost` may have one of each family), under one
    /// port; those that this machine does not have are left out.
    private static func listen(
        at addresses: [SocketAddress], _ inheritance: Inheritance?,
        _ accepted: @escaping @IO (SocketStream) -> Void
    ) throws(NetError) -> [Listener] {
        var listeners: [Listener] = []
        var failure: NetError?
        for address in addresses {
            let port = listeners.first?.address?.port ?? address.port
            do throws(NetError) {
                let place = SocketAddress(ip: address.host, port: port) ?? address
                if let socket = inheritance?.socket(.mcp, at: place) {
                    listeners.append(try Listener.tcp(adopting: socket, accepted))
                } else {
                    listeners.append(try Listener.tcp(place, accepted))
                }
            } catch {
                failure = failure ?? error
            }
        }
        if listeners.isEmpty, let failure { throw failure }
        return listeners
    }

    /// The host of a URL for an address.
    private static func urlHost(_ address: SocketAddress) -> String {
        address.isIPv6 ? "[\(address.host)]" : address.host
    }

    /// Whether the MCP endpoint is at this path, however many slashes a client writes: at `/mcp`,
    /// and where `--public-url` says.
    private func serves(_ path: String) -> Bool {
        let names = path.split(separator: "/")
        return names == ["mcp"] || names[...] == url.split(separator: "/").dropFirst(2)
    }

    private func handle(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        if WebSocketDoor.serves(request.path) {
            return WebSocketDoor(gate: gate).answer(request, responder)
        }
        // Before the downloads: a URL of the operator's may look like one of theirs.
        if serves(request.path), let endpoint {
            return await endpoint.handle(request, responder)
        }
        if web.serves(request.path), !Self.isLost(request) {
            return await web.handle(request, responder)
        }
        if FileDoor.serves(request.path) { return await files.handle(request, responder) }
        if DownloadDoor.serves(request.path), let downloads = gate.downloads {
            let given = entrances.publicURL?.description.dropLast("/mcp".count)
            let scheme = entrances.certificate == nil ? "http" : "https"
            let base = given.map(String.init) ?? DownloadDoor.base(request, scheme: scheme)
            return await downloads.handle(request, responder, base: base)
        }
        responder.sendNotFound(
            web.serves("/oauth/token")
                ? "MCP is served at /mcp, and people log in at /login" : OAuthDoor.absence)
    }

    /// Whether this is an MCP client whose URL lacks `/mcp`: what it hears must say so.
    private static func isLost(_ request: HTTPRequest) -> Bool {
        guard request.path.split(separator: "/").isEmpty else { return false }
        return !["GET", "HEAD"].contains(request.method)
            || request.header("accept")?.contains("text/html") != true
    }

    /// Reads the files of its certificate again.
    func reload() {
        guard let certificate = entrances.certificate else {
            return Process.log("nothing was reloaded: MCP is served without a certificate")
        }
        do {
            try certificate.reload()
            Process.log("the certificate was reloaded")
        } catch {
            Process.log("\(error); the previous certificate stays in use")
        }
    }

    /// Ends a client's streams and calls: each is answered with an error that says `sentence`.
    ///
    /// A connection whose client has not read its last response after 3 s is closed.
    func end(client id: String, saying sentence: String) {
        endpoint?.end(principal: id, saying: sentence)
        IO.task { await self.http?.end(client: id, grace: .seconds(3)) }
    }

    /// Has the next response of each connection be its last one; idle ones stay open for it.
    func retire() {
        for listener in listeners { listener.close() }
        endpoint?.endStreams()
        http?.retire()
    }

    /// Waits until no connection is left.
    func emptied(within limit: Duration) async {
        _ = await IO.within(limit) { await self.http?.emptied() }
    }

    /// Stops listening, and closes connections when they are idle.
    func drain() {
        for listener in listeners { listener.close() }
        http?.drain()
    }

    /// Serves the client of a stdio program, whose stream has given `received` already.
    func attach(_ stream: SocketStream, received: [UInt8], as principal: MCP.Principal) {
        let client = MCPLines(server: server, principal: principal, stream: stream)
        lines[ObjectIdentifier(client)] = client
        IO.task {
            await client.run(received: received)
            self.lines[ObjectIdentifier(client)] = nil
        }
    }

    /// How long an answer that is there may take to reach a stdio program.
    private static let delivery = Duration.milliseconds(500)

    /// Ends the clients' sessions and streams, and the stdio programs' lines.
    func endSessions() async {
        endpoint?.close()
        for client in Array(lines.values) { await client.end(within: Self.delivery) }
    }

    /// Closes every connection, at the latest after `grace`.
    func shutDown(grace: Duration) async { await http?.shutdown(grace: grace) }
}
