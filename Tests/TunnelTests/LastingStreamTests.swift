// Streams that go on over one tunnel after another, over real TLS that is cut at random bytes.
// HOMELINE_STREAMS_SEED repeats a run; HOMELINE_CUTS is the number of cuts (`make soak`: 10,000).
import Crypto
import Foundation
import Loop
import Net
import Support
import Testing

@testable import Tunnel

/// A relay's and an agent's end, and one tunnel after another between them.
@IO private final class Road {
    let limits: TunnelLimits
    private let listener: Listener
    private let link: SlowLink
    private let client: TLSContext
    private(set) var relay: Tunnel?
    private(set) var agent: Tunnel?
    private let server: TLSContext
    /// The relay's end of the newest connection.
    private let arrived = Box<TLSStream?>(nil)
    private(set) var tunnels = 0
    var onStream: (@IO (TunnelStream) -> StreamAnswer)?

    init(limits: TunnelLimits = TunnelLimits(), delay: Duration = .zero) async throws {
        self.limits = limits
        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        server = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["homeline/1"])
        client = try TLSContext(
            client: .pin(PublicKeyPin(certificatePEM: made.certificatePEM)), alpn: ["homeline/1"])
        let (arrived, server) = (arrived, server)
        let address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        listener = try Listener.tcp(address) { socket in
            IO.task {
                if let stream = try? await TLSStream.handshake(over: socket, context: server) {
                    arrived.withLock { $0 = stream }
                }
            }
        }
        link = try SlowLink(to: try #require(listener.address?.port), delay: delay)
    }

    /// Makes the next tunnel; a cut may end its handshake, too.
    func connect() async {
        while true {
            arrived.withLock { $0 = nil }
            guard
                let dialled = try? await SocketStream.connect(host: "127.0.0.1", port: link.port),
                let there = try? await TLSStream.handshake(
                    over: dialled, context: client, serverName: "localhost")
            else { continue }
            let agent = Tunnel(over: there, role: .responder, limits: limits)
            agent.onStream = onStream
            while !agent.isClosed {
                guard let here = arrived.withLock({ $0 }) else {
                    try? await IO.sleep(for: .milliseconds(1))
                    continue
                }
                tunnels += 1
                (relay, self.agent) = (Tunnel(over: here, role: .caller, limits: limits), agent)
                return
            }
        }
    }

    func cut(after bytes: Int, toAgent: Bool) { link.cut(after: bytes, toClient: toAgent) }
    func cut() { link.cut() }
    /// What is sent from now on does not arrive; then the connection ends.
    func stall() { link.stall() }
    func cutStalled() {
        link.cut()
        link.resume()
    }

    func close() {
        relay?.close()
        agent?.close()
        listener.close()
        link.close()
    }
}

/// Both ends of one lasting stream on a road, opened again over each tunnel.
@IO private final class Pair {
    let road: Road
    let room = ByteBudget(limit: 64 << 20)
    let near: LastingStream
    let far: LastingStream
    private(set) var opens = 0

    init(_ road: Road, patience: Duration = .seconds(60)) {
        self.road = road
        near = LastingStream(.opener, room: room.claim(for: "near"), patience: patience)
        far = LastingStream(.acceptor, room: room.claim(for: "far"), patience: patience)
        road.onStream = { [far] in far.isBeside($0) ? .refused : far.accept($0) }
        road.agent?.onStream = road.onStream
        near.onDetach = { [weak self] in IO.task { await self?.open() } }
    }

    /// Opens the stream over the present tunnel, or over the next one.
    func open() async {
        if road.relay?.isClosed ?? true { await road.connect() }
        guard near.isDetached,
            let carrier = try? road.relay?.open(StreamHead("t", offset: near.received))
        else { return }
        opens += 1
        near.open(over: carrier)
    }
}

/// What came out of a stream.
@IO private final class Taken {
    var bytes: [UInt8] = []
    var ends = 0
    var closed: [NetError?] = []

    init(_ stream: LastingStream) {
        stream.onData = { [weak self] bytes in
            self?.bytes.append(contentsOf: bytes)
        }
        stream.onEnd = { [weak self] in self?.ends += 1 }
        stream.onClose = { [weak self] in self?.closed.append($0) }
    }
}

/// Writes bytes as fast as the stream takes them, then the end.
@IO private func feed(_ bytes: [UInt8], to stream: LastingStream) {
    var sent = 0
    @IO func more() {
        while sent < bytes.count, stream.unsent < 32 << 10 {
            let piece = bytes[sent..<min(bytes.count, sent + 10_000)]
            sent += piece.count
            stream.write(Array(piece))
        }
        if sent == bytes.count { stream.endWriting() }
    }
    stream.onDrain = more
    more()
}

@Suite struct `A lasting stream` {
    @Test @IO func `loses nothing to tunnels that are cut at random bytes`() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seed =
            environment["HOMELINE_STREAMS_SEED"].flatMap(UInt64.init) ?? .random(in: 1...999_999)
        let rounds = (environment["HOMELINE_CUTS"].flatMap(Int.init) ?? 96) / 4
        print("streams: HOMELINE_STREAMS_SEED=\(seed)")
        var random = Seeded(state: seed)
        var opens = 0
        for round in 0..<rounds {
            var limits = TunnelLimits()
            // Small windows have acknowledgements in small files, too.
            limits.streamWindow = [64 << 10, 256 << 10, 1 << 20][round % 3]
            let road = try await Road(limits: limits)
            await road.connect()
            let pair = Pair(road)
            let (near, far) = (Taken(pair.near), Taken(pair.far))
            let up = pattern(Int.random(in: 0...1_500_000, using: &random))
            let down = pattern(Int.random(in: 0...1_500_000, using: &random))
            let cuts = IO.task { [random] in
                var random = random
                for _ in 0..<4 {
                    let tunnels = road.tunnels
                    road.cut(
                        after: Int.random(in: 0...700_000, using: &random),
                        toAgent: Bool.random(using: &random))
                    _ = await eventually {
                        road.tunnels > tunnels || pair.near.isClosed && pair.far.isClosed
                    }
                }
            }
            await pair.open()
            feed(up, to: pair.near)
            feed(down, to: pair.far)
            #expect(
                await eventually { near.closed.count == 1 && far.closed.count == 1 },
                "seed \(seed), round \(round): \(near.bytes.count) of \(down.count), \(far.bytes.count) of \(up.count)"
            )
            #expect(near.closed.first == .some(nil) && far.closed.first == .some(nil))
            #expect(near.bytes == down && far.bytes == up)
            #expect(near.ends == 1 && far.ends == 1)
            #expect(pair.room.used == 0)
            opens += pair.opens
            cuts.cancel()
            road.close()
        }
        // Most of the cuts have met a stream.
        #expect(opens > 2 * rounds)
    }

    /// Both ends have ended it, and see it so, while the last bytes of one are lost.
    @Test(arguments: [true, false]) @IO
    func `keeps its last bytes until the other end has them`(areOpeners: Bool) async throws {
        let road = try await Road()
        await road.connect()
        let pair = Pair(road)
        let (near, far) = (Taken(pair.near), Taken(pair.far))
        await pair.open()
        let (last, first) = areOpeners ? (pair.near, pair.far) : (pair.far, pair.near)
        first.write(pattern(2000))
        first.endWriting()
        let taken = areOpeners ? near : far
        #expect(await eventually { taken.ends == 1 && road.tunnels == 1 })
        road.stall()
        last.write(pattern(1000))
        last.endWriting()
        // The HTTP/2 stream is over here.
        #expect(await eventually { last.isDetached })
        #expect(last.kept == 1000 && !last.isClosed)
        road.cutStalled()
        #expect(await eventually { near.closed.count == 1 && far.closed.count == 1 })
        #expect(near.closed[0] == nil && far.closed[0] == nil && road.tunnels == 2)
        #expect(near.bytes == pattern(areOpeners ? 2000 : 1000))
        #expect(far.bytes == pattern(areOpeners ? 1000 : 2000))
        #expect(near.ends == 1 && far.ends == 1 && pair.room.used == 0)
        road.close()
    }

    @Test @IO func `gives up when no tunnel comes back in time`() async throws {
        let road = try await Road()
        await road.connect()
        let room = ByteBudget(limit: 64 << 20)
        let patience = Duration.milliseconds(200)
        let near = LastingStream(.opener, room: room.claim(for: "a"), patience: patience)
        let far = LastingStream(.acceptor, room: room.claim(for: "a"), patience: patience)
        road.onStream = { far.accept($0) }
        road.agent?.onStream = road.onStream
        let (here, there) = (Taken(near), Taken(far))
        near.open(over: try #require(road.relay).open(StreamHead("t")))
        far.write(pattern(100_000))
        #expect(await eventually { here.bytes.count == 100_000 })
        road.cut()
        #expect(await eventually { near.isDetached && far.isDetached })
        #expect(here.closed.isEmpty && there.closed.isEmpty)
        #expect(await eventually { here.closed.count == 1 && there.closed.count == 1 })
        #expect(here.closed[0] != nil && there.closed[0] != nil && here.ends == 0)
        #expect(room.used == 0)
        road.close()
    }

    @Test @IO func `keeps no more than its room, and goes on when others give some back`()
        async throws
    {
        // A long way, on which more may be in flight than a stream may keep in any case.
        let road = try await Road(delay: .milliseconds(30))
        await road.connect()
        let budget = ByteBudget(limit: 300_000)
        let far = LastingStream(.acceptor, room: budget.claim(for: "far"))
        let near = LastingStream(.opener, room: budget.claim(for: "near"))
        budget.onRoom = { far.advance() }
        road.agent?.onStream = { far.accept($0) }
        let other = budget.claim(for: "other")
        #expect(other.grow(by: 200_000))
        let (here, there) = (Taken(near), Taken(far))
        near.open(over: try #require(road.relay).open(StreamHead("t")))
        let content = pattern(4_000_000)
        far.write(content)
        far.endWriting()
        #expect(await eventually { here.bytes.count > 1_000_000 })
        near.pauseReading()
        _ = await road.relay?.ping()
        #expect(far.kept <= 100_000 + LastingStream.assured && far.unsent > 0)
        other.release()
        near.resumeReading()
        // How much is kept by now hangs on how fast the way is; all of it comes in any case.
        #expect(await eventually { here.bytes.count == content.count })
        #expect(budget.used <= budget.limit && there.closed.isEmpty)
        near.close()
        #expect(await eventually { there.closed.count == 1 && budget.used == 0 })
        #expect(here.closed.count == 1)
        road.close()
    }

    @Test @IO func `goes on where others have used up the room`() async throws {
        let road = try await Road()
        await road.connect()
        let none = ByteBudget(limit: 0)
        let far = LastingStream(.acceptor, room: none.claim(for: "far"))
        let near = LastingStream(.opener, room: none.claim(for: "near"))
        road.agent?.onStream = { far.accept($0) }
        let here = Taken(near)
        near.open(over: try #require(road.relay).open(StreamHead("t")))
        let content = pattern(3_000_000)
        feed(content, to: far)
        #expect(await eventually { here.ends == 1 })
        #expect(here.bytes == content)
        // What was read is kept for one step of the acknowledgements at most.
        #expect(await eventually { far.kept < LastingStream.portion })
        near.close()
        road.close()
    }

    @Test @IO func `reports an end that came before there was a handler`() async throws {
        let road = try await Road()
        await road.connect()
        let room = ByteBudget(limit: 1 << 20)
        let far = LastingStream(.acceptor, room: room.claim(for: "far"))
        let near = LastingStream(.opener, room: room.claim(for: "near"))
        road.agent?.onStream = { far.accept($0) }
        near.open(over: try #require(road.relay).open(StreamHead("t")))
        near.endWriting()
        #expect(await eventually { near.unsent == 0 && near.received == 0 && !near.isDetached })
        _ = await road.relay?.ping()
        let ended = Once<Void>()
        far.onEnd = { ended.set(()) }
        #expect(await IO.within(.seconds(5)) { await ended.wait() } != nil)
        near.close()
        road.close()
    }

    @Test(arguments: [
        ("0", UInt64(0)), ("007", 7), ("9999999999999999999", 9_999_999_999_999_999_999),
        ("", nil), ("-1", nil), ("+1", nil), (" 1", nil), ("0x1", nil), ("1.0", nil),
        ("10000000000000000000", nil),
    ])
    func `reads an offset as the contract says`(text: String, offset: UInt64?) {
        #expect(Array(text.utf8).withUnsafeBufferPointer { StreamHead.offset($0) } == offset)
    }

    @Test @IO func `half-closes, and hears of a cancel`() async throws {
        let road = try await Road()
        await road.connect()
        let pair = Pair(road)
        let (near, far) = (Taken(pair.near), Taken(pair.far))
        await pair.open()
        pair.near.write(pattern(10))
        pair.near.endWriting()
        #expect(await eventually { far.ends == 1 })
        pair.far.write(pattern(20))
        #expect(await eventually { near.bytes.count == 20 })
        #expect(far.bytes == pattern(10) && near.ends == 0)
        pair.far.close()
        #expect(await eventually { near.closed.count == 1 })
        #expect(near.closed[0] != nil && near.ends == 0)
        road.close()
    }

    @Test @IO func `ends when the other end asks for bytes that are not kept`() async throws {
        for offset in [UInt64(1), .max >> 1] {
            let road = try await Road()
            await road.connect()
            let far = LastingStream(
                .acceptor, room: ByteBudget(limit: 1 << 20).claim(for: "far"))
            road.agent?.onStream = { far.accept($0) }
            let carrier = try #require(road.relay).open(StreamHead("t", offset: offset))
            #expect(await eventually { carrier.isClosed })
            #expect(carrier.ending == .refused && far.isDetached)
            // An acceptor that says it has what was never sent.
            road.agent?.onStream = { _ in .accepted(offset: offset) }
            let near = LastingStream(.opener, room: ByteBudget(limit: 1 << 20).claim(for: "near"))
            let taken = Taken(near)
            near.open(over: try #require(road.relay).open(StreamHead("t")))
            #expect(await eventually { taken.closed.count == 1 })
            #expect(taken.closed[0] != nil)
            road.close()
        }
    }
}
