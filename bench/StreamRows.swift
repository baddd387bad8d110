// Raw streams: how fast bytes come from an agent's end to a relay's, both in this process and so on
// one core, over TLS on loopback. `homeline-bench streams [MIB]` prints what bare TLS, a tunnel's
// stream and a lasting stream carry; the ratios in one run are what counts.
import Crypto
import Glibc
import Loop
import Net
import Tunnel
import Wire

enum StreamRows {
    static let word = "streams"
    private static let limits = TunnelLimits(bodyBytes: Contract.callBytes)
    private static let block = [UInt8](repeating: 120, count: 64 << 10)

    /// Prints the table; the exit code.
    @IO static func run(_ arguments: [String]) async -> Int32 {
        let size = (arguments.first.flatMap(Int.init) ?? 1024) << 20
        do {
            for round in 1...3 {
                let bare = try await measure(size, bareEnds)
                let raw = try await measure(size, rawEnds)
                let lasting = try await measure(size, lastingEnds)
                print(
                    "round \(round): bare TLS \(Int(bare)) MiB/s, a tunnel's stream \(Int(raw))"
                        + " (\(share(raw, bare)) %), a lasting stream \(Int(lasting))"
                        + " (\(share(lasting, bare)) %)")
            }
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }

    private static func share(_ part: Double, _ whole: Double) -> Int { Int(100 * part / whole) }

    /// The ends of a stream, and what keeps them.
    private typealias Ends = (source: any ByteStream, sink: any ByteStream, kept: [AnyObject])

    @IO private static func measure(
        _ size: Int, _ ends: @IO () async throws -> Ends
    ) async throws -> Double {
        let (source, sink, kept) = try await ends()
        let done = Once<Void>()
        var (written, taken) = (0, 0)
        let start = ContinuousClock.now
        sink.onData = { bytes in
            taken += bytes.count
            if taken >= size { done.set(()) }
        }
        @IO func produce() {
            while written < size, source.unsent < block.count {
                source.write(block)
                written += block.count
            }
        }
        source.onDrain = produce
        produce()
        await done.wait()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        source.close()
        sink.close()
        withExtendedLifetime(kept) {}
        return Double(size >> 20) / seconds
    }

    @IO private static func bareEnds() async throws -> Ends {
        let (relay, agent) = try await connect()
        return (agent, relay, [])
    }

    @IO private static func rawEnds() async throws -> Ends {
        let (relay, agent) = try await tunnels()
        let opened = Once<TunnelStream>()
        agent.onStream = {
            opened.set($0)
            return .accepted(offset: 0)
        }
        let sink = try relay.open(StreamHead("source"))
        return (await opened.wait(), sink, [relay, agent])
    }

    @IO private static func lastingEnds() async throws -> Ends {
        let (relay, agent) = try await tunnels()
        let room = ByteBudget(limit: 16 << 20)
        let source = LastingStream(.acceptor, room: room.claim(for: "source"))
        let sink = LastingStream(.opener, room: room.claim(for: "sink"))
        agent.onStream = { source.accept($0) }
        sink.open(over: try relay.open(StreamHead("source")))
        return (source, sink, [relay, agent])
    }

    @IO private static func tunnels() async throws -> (relay: Tunnel, agent: Tunnel) {
        let (relay, agent) = try await connect()
        return (
            Tunnel(over: relay, role: .caller, limits: limits),
            Tunnel(over: agent, role: .responder, limits: limits)
        )
    }

    @IO private static func connect() async throws -> (relay: TLSStream, agent: TLSStream) {
        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        let server = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["homeline/1"])
        let pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
        guard let address = SocketAddress(ip: "127.0.0.1", port: 0) else {
            throw BenchError("no loopback")
        }
        let accepted = Once<SocketStream>()
        let listener = try Listener.tcp(address) { accepted.set($0) }
        defer { listener.close() }
        guard let port = listener.address?.port else { throw BenchError("no port") }
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let there = IO.task {
            try? await TLSStream.handshake(over: await accepted.wait(), context: server)
        }
        let client = try TLSContext(client: .pin(pin), alpn: ["homeline/1"])
        let agent = try await TLSStream.handshake(
            over: socket, context: client, serverName: "localhost")
        guard let relay = await there.value else { throw BenchError("no handshake") }
        return (relay, agent)
    }
}
