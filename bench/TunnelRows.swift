// The tunnel alone: calls from a relay's end to an agent's end in another process, over TLS on
// loopback, one at a time or 64 in flight. The other process is this program as `tunnel-responder`.
import Crypto
import Glibc
import Loop
import Net
import Tunnel

enum TunnelRows {
    static let names = ["tunnel1", "tunnel64"]
    static let responder = "tunnel-responder"
    private static let body = [UInt8](repeating: 120, count: 200)  // about one small tools/call

    /// Answers counts until the input ends; the exit code.
    @IO static func measure(_ row: String) async -> Int32 {
        do {
            let (tunnel, child) = try await connect()
            defer {
                tunnel.close()
                kill(child, SIGTERM)
            }
            let width = row == "tunnel64" ? 64 : 1
            LineProtocol.ready()
            while let line = await Blocking.run({ readLine() }) {
                guard let count = Int(line) else { throw BenchError("not a count: \(line)") }
                LineProtocol.answer(try await times(tunnel, count: count, width: width))
            }
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }

    /// Each call's time for one at a time, the mean time per call for several in flight.
    @IO private static func times(_ tunnel: Tunnel, count: Int, width: Int) async throws
        -> [Double]
    {
        if width == 1 {
            var times: [Double] = []
            for _ in 0..<count {
                let start = ContinuousClock.now
                _ = try await tunnel.call(body)
                times.append((ContinuousClock.now - start) / .microseconds(1))
            }
            return times
        }
        let each = max(1, count / width)
        let start = ContinuousClock.now
        let callers = (0..<width).map { _ in
            IO.task { () async -> Bool in
                for _ in 0..<each where (try? await tunnel.call(body)) == nil { return false }
                return true
            }
        }
        for caller in callers {
            guard await caller.value else { throw BenchError("a call failed") }
        }
        return [(ContinuousClock.now - start) / .microseconds(1) / Double(each * width)]
    }

    /// Listens, starts the responder and accepts its tunnel.
    @IO private static func connect() async throws -> (Tunnel, pid_t) {
        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["homeline/1"])
        let pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        guard let address = SocketAddress(ip: "127.0.0.1", port: 0) else {
            throw BenchError("no loopback")
        }
        var accepted: SocketStream?
        let listener = try Listener.tcp(address) { accepted = $0 }
        defer { listener.close() }
        guard let port = listener.address?.port else { throw BenchError("no port") }
        let child = try start(port: port, pin: "\(pin)")
        for _ in 0..<2000 where accepted == nil { try await IO.sleep(for: .milliseconds(5)) }
        guard let socket = accepted else { throw BenchError("the responder never came") }
        let stream = try await TLSStream.handshake(over: socket, context: context)
        return (Tunnel(over: stream, role: .caller), child)
    }

    private static func start(port: UInt16, pin: String) throws -> pid_t {
        setenv("BENCH_PORT", "\(port)", 1)
        setenv("BENCH_PIN", pin, 1)
        var arguments = [strdup("homeline-bench"), strdup(responder), nil]
        defer { for text in arguments { free(text) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, "/proc/self/exe", nil, nil, &arguments, environ)
        guard code == 0 else { throw BenchError("cannot start the responder: errno \(code)") }
        return child
    }

    /// The agent's end: gives every call back until the tunnel closes.
    @IO static func respond() async -> Int32 {
        do {
            guard let port = UInt16(try LineProtocol.setting("BENCH_PORT")),
                let pin = PublicKeyPin(try LineProtocol.setting("BENCH_PIN"))
            else { throw BenchError("not started by a row") }
            let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
            let context = try TLSContext(client: .pin(pin), alpn: ["homeline/1"])
            let stream = try await TLSStream.handshake(
                over: socket, context: context, serverName: "localhost")
            let tunnel = Tunnel(over: stream, role: .responder)
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
