// The tunnel alone: calls from a relay's end to an agent's end in another process, over TLS on
// loopback, one at a time or 64 in flight, and in a WebSocket inside of another TLS (`wss`), which
// both ends do here: a web server in between has a part of that work. The other process is this
// program as `tunnel-responder`.
import Crypto
import Glibc
import HTTP
import Loop
import Net
import Tunnel
import Wire

enum TunnelRows {
    static let names = ["tunnel1", "tunnel64", "tunnel1-wss", "tunnel64-wss"]
    static let responder = "tunnel-responder"
    private static let limits = TunnelLimits(bodyBytes: Contract.callBytes)
    private static let body = [UInt8](repeating: 120, count: 1024)  // each way

    /// Answers counts until the input ends; the exit code.
    @IO static func measure(_ row: String) async -> Int32 {
        do {
            let (tunnel, child) = try await connect(inWebSocket: row.hasSuffix("-wss"))
            defer {
                tunnel.close()
                kill(child, SIGTERM)
            }
            let width = row.hasPrefix("tunnel64") ? 64 : 1
            try await LineProtocol.serveRounds { try await times(tunnel, count: $0, width: width) }
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }

    /// Keeps `width` calls in flight; the times are each call's own, so that calls per second are
    /// `width` over their mean.
    @IO private static func times(_ tunnel: Tunnel, count: Int, width: Int) async throws
        -> [Double]
    {
        let round = Round(left: count)
        let callers = (0..<width).map { _ in IO.task { await round.call(tunnel) } }
        for caller in callers { await caller.value }
        guard round.times.count == count else { throw BenchError("a call failed") }
        return round.times
    }

    /// The state that the callers of one round share.
    @IO private final class Round {
        private var left: Int
        private(set) var times: [Double] = []

        init(left: Int) {
            self.left = left
            times.reserveCapacity(left)
        }

        func call(_ tunnel: Tunnel) async {
            while left > 0 {
                left -= 1
                let start = ContinuousClock.now
                guard let reply = try? await tunnel.call(body), reply.count == body.count else {
                    return
                }
                times.append((ContinuousClock.now - start) / .microseconds(1))
            }
        }
    }

    /// Listens, starts the responder and accepts its tunnel.
    @IO private static func connect(inWebSocket: Bool) async throws -> (Tunnel, pid_t) {
        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["homeline/1"])
        let pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        guard let address = SocketAddress(ip: "127.0.0.1", port: 0) else {
            throw BenchError("no loopback")
        }
        let accepted = Once<SocketStream?>()
        let listener = try Listener.tcp(address) { accepted.set($0) }
        defer { listener.close() }
        guard let port = listener.address?.port else { throw BenchError("no port") }
        let child = try start(port: port, pin: "\(pin)", inWebSocket)
        let patience = LoopTimer(after: .seconds(10)) { accepted.set(nil) }
        defer { patience.cancel() }
        guard let socket = await accepted.wait() else {
            throw BenchError("the responder never came")
        }
        let below = inWebSocket ? try await webSocket(over: socket, made) : socket
        let stream = try await TLSStream.handshake(over: below, context: context)
        return (Tunnel(over: stream, role: .caller, limits: limits), child)
    }

    /// The WebSocket that a peer asks for over TLS.
    @IO private static func webSocket(
        over socket: SocketStream, _ made: SelfSignedCertificate
    ) async throws -> any ByteStream {
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["http/1.1"])
        let opened = Once<WebSocketStream?>()
        let server = HTTPServer { request, responder in
            opened.set(
                responder.openWebSocket(request, protocol: Contract.webSocketProtocol))
        }
        server.serve(try await TLSStream.handshake(over: socket, context: context))
        guard let stream = await opened.wait() else { throw BenchError("no WebSocket came") }
        return stream
    }

    private static func start(port: UInt16, pin: String, _ inWebSocket: Bool) throws -> pid_t {
        setenv("BENCH_WSS", inWebSocket ? "yes" : "no", 1)
        setenv("BENCH_PORT", "\(port)", 1)
        setenv("BENCH_PIN", pin, 1)
        var arguments = [strdup("homeline-bench"), strdup(responder), nil]
        defer { for text in arguments { free(text) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, "/proc/self/exe", nil, nil, &arguments, environ)
        guard code == 0 else { throw BenchError("cannot start the responder: errno \(code)") }
        return child
    }

    /// The agent's end: echoes every call until the tunnel closes.
    @IO static func respond() async -> Int32 {
        do {
            guard let port = UInt16(try LineProtocol.setting("BENCH_PORT")),
                let pin = PublicKeyPin(try LineProtocol.setting("BENCH_PIN"))
            else { throw BenchError("not started by a row") }
            let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
            let context = try TLSContext(client: .pin(pin), alpn: ["homeline/1"])
            var below: any ByteStream = socket
            if try LineProtocol.setting("BENCH_WSS") == "yes" {
                let outer = try TLSContext(client: .pin(pin), alpn: ["http/1.1"])
                below = try await WebSocketStream.connect(
                    over: try await TLSStream.handshake(
                        over: socket, context: outer, serverName: "localhost"),
                    host: "localhost", path: Contract.webSocketPath,
                    protocol: Contract.webSocketProtocol)
            }
            let stream = try await TLSStream.handshake(
                over: below, context: context, serverName: "localhost")
            let tunnel = Tunnel(over: stream, role: .responder, limits: limits)
            tunnel.onCall = { $0 }
            await withCheckedContinuation { done in
                tunnel.onClose = { _ in done.resume() }
            }
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }
}
