import Crypto
import Loop
import Net
import Support
import Testing

@testable import Tunnel

extension TunnelLimits {
    /// For calls of up to 8 MiB.
    init() { self.init(bodyBytes: 8 << 20) }
}

extension Tunnel {
    /// Opens a raw stream for nobody in particular.
    func open(_ authority: String) throws(TunnelError) -> TunnelStream {
        try open(StreamHead(authority))
    }
}

/// Two ends of a tunnel over real TLS on loopback, with the roles reversed: the agent dials.
@IO final class Ends {
    let relay: Tunnel
    let agent: Tunnel
    private let listener: Listener

    /// `answer` is set in the same turn in which the agent's end is made: a call may be there.
    init(
        limits: TunnelLimits = TunnelLimits(), agentLimits: TunnelLimits? = nil,
        answer: (@IO @Sendable ([UInt8]) async -> [UInt8])? = nil,
        first: @IO (Tunnel) async -> Void = { _ in }
    ) async throws {
        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        let server = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["homeline/1"])
        let client = try TLSContext(
            client: .pin(PublicKeyPin(certificatePEM: made.certificatePEM)), alpn: ["homeline/1"])
        var accepted: SocketStream?
        let address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        listener = try Listener.tcp(address) { accepted = $0 }
        let port = try #require(listener.address?.port)
        let dialled = try await SocketStream.connect(host: "127.0.0.1", port: port)
        while accepted == nil { try await IO.sleep(for: .milliseconds(1)) }
        let socket = try #require(accepted)
        let accept = IO.task { try? await TLSStream.handshake(over: socket, context: server) }
        let there = try await TLSStream.handshake(
            over: dialled, context: client, serverName: "localhost")
        let here = try #require(await accept.value)
        relay = Tunnel(over: here, role: .caller, limits: limits)
        await first(relay)
        agent = Tunnel(over: there, role: .responder, limits: agentLimits ?? limits)
        agent.onCall = answer
    }

    /// A call from the relay, and why it failed; nil if it did not.
    func failure(
        of body: [UInt8], sent: ByteBudget.Claim? = nil, received: ByteBudget.Claim? = nil
    ) -> Task<TunnelError?, Never> {
        IO.task { [relay] in
            do throws(TunnelError) {
                _ = try await relay.call(body, sent: sent, received: received)
                return nil
            } catch {
                return error
            }
        }
    }

    func close() {
        relay.close()
        agent.close()
        listener.close()
    }
}

/// A flag that closures share.
@IO final class Flag {
    var isSet = false
}

@IO func eventually(_ condition: @escaping @IO () -> Bool) async -> Bool {
    for _ in 0..<10_000 {
        if condition() { return true }
        try? await IO.sleep(for: .milliseconds(1))
    }
    return false
}

@Suite struct `A tunnel` {
    @Test @IO func `carries calls of every size and their replies`() async throws {
        let ends = try await Ends()
        ends.agent.onCall = { $0.reversed() }
        for size in [
            0, 1, 100, 8_000, 8_183, 8_184, 9_000, 12_000, 16_000, 16_300, 16_383, 16_384, 16_385,
            70_000, 3_000_000,
        ] {
            let body = pattern(size)
            let reply = try await ends.relay.call(body)
            #expect(reply == body.reversed())
        }
        ends.close()
    }

    @Test @IO func `answers a call that was there before it`() async throws {
        var early: Task<[UInt8]?, Never>?
        let ends = try await Ends(answer: { $0.reversed() }) { relay in
            early = IO.task { try? await relay.call([1, 2]) }
            try? await IO.sleep(for: .milliseconds(50))
        }
        #expect(await early?.value == [2, 1])
        ends.close()
    }

    @Test @IO func `keeps a thousand calls at once apart`() async throws {
        let ends = try await Ends()
        ends.agent.onCall = { body in
            if body[0] & 1 == 0 { try? await IO.sleep(for: .milliseconds(Int(body[0]) % 7)) }
            return body
        }
        let calls = (0..<1000).map { index in
            IO.task { () -> Bool in
                let body = [UInt8(index & 255), UInt8(index >> 8)]
                return (try? await ends.relay.call(body)) == body
            }
        }
        var right = 0
        for call in calls where await call.value { right += 1 }
        #expect(right == 1000)
        ends.close()
    }

    @Test @IO func `cancels the agent's task when the caller gives up`() async throws {
        let ends = try await Ends()
        let started = Flag()
        let cancelled = Flag()
        ends.agent.onCall = { _ in
            started.isSet = true
            do { try await IO.sleep(for: .seconds(60)) } catch { cancelled.isSet = true }
            return []
        }
        let call = IO.task { () -> TunnelError? in
            do throws(TunnelError) {
                _ = try await ends.relay.call([1])
                return nil
            } catch {
                return error
            }
        }
        #expect(await eventually { started.isSet })
        call.cancel()
        #expect(await call.value == .cancelled)
        #expect(await eventually { cancelled.isSet })
        ends.agent.onCall = { $0 }
        #expect(try await ends.relay.call([2]) == [2])
        ends.close()
    }

    @Test @IO func `fails every waiting call when it ends`() async throws {
        let ends = try await Ends()
        ends.agent.onCall = { _ in
            try? await IO.sleep(for: .seconds(60))
            return []
        }
        let calls = (0..<20).map { _ in
            IO.task { () -> Bool in
                do throws(TunnelError) {
                    _ = try await ends.relay.call([1])
                    return false
                } catch {
                    if case .closed = error { return true }
                    return false
                }
            }
        }
        #expect(await eventually { ends.agent.openStreams == 20 })
        ends.agent.close()
        for call in calls { #expect(await call.value) }
        await #expect(throws: TunnelError.self) { try await ends.relay.call([1]) }
    }

    @Test @IO func `refuses a request or a reply over the cap and lives on`() async throws {
        var limits = TunnelLimits()
        limits.bodyBytes = 100_000
        let ends = try await Ends(limits: limits)
        ends.agent.onCall = { [UInt8](repeating: 0, count: Int($0[0]) * 1000) }
        await #expect(throws: TunnelError.tooLarge(limit: 100_000)) {
            try await ends.relay.call([UInt8](repeating: 0, count: 100_001))
        }
        await #expect(throws: TunnelError.tooLarge(limit: 100_000)) {
            try await ends.relay.call([101])
        }
        #expect(try await ends.relay.call([100]).count == 100_000)
        ends.close()
    }

    @Test @IO func `drains: calls in flight end, new ones are refused, then it closes`()
        async throws
    {
        let ends = try await Ends()
        let release = Flag()
        ends.agent.onCall = { body in
            while !release.isSet { try? await IO.sleep(for: .milliseconds(1)) }
            return body
        }
        let call = IO.task { try? await ends.relay.call([7]) }
        #expect(await eventually { ends.agent.openStreams == 1 })
        ends.relay.drain()
        await #expect(throws: TunnelError.draining) { try await ends.relay.call([8]) }
        release.isSet = true
        #expect(await call.value == [7])
        #expect(await eventually { ends.relay.isClosed && ends.agent.isClosed })
    }

    @Test @IO func `answers pings, and ends when a peer stops answering`() async throws {
        var limits = TunnelLimits()
        limits.idle = .init(quiet: .milliseconds(50), limit: .milliseconds(150))
        let ends = try await Ends(limits: limits, agentLimits: TunnelLimits())
        #expect(await ends.relay.ping() != nil)
        try await IO.sleep(for: .milliseconds(300))
        #expect(!ends.relay.isClosed)
        var reason = ""
        ends.relay.onClose = { reason = $0 }
        // The peer's host is gone, but nothing says so: its end neither reads nor writes.
        ends.agent.transport.pauseReading()
        ends.agent.transport.onData = nil
        #expect(await eventually { ends.relay.isClosed })
        #expect(reason.contains("silent"))
        ends.close()
    }

    @Test @IO func `garbage in place of HTTP 2 ends it`() async throws {
        let ends = try await Ends()
        ends.agent.transport.write([UInt8](repeating: 0x41, count: 100))
        #expect(await eventually { ends.relay.isClosed })
        ends.close()
    }
}

@Suite struct `A raw stream` {
    @Test @IO func `ends in the turn in which it was made and the first bytes came`() async throws {
        let address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        let listener = try Listener.tcp(address) { $0.close() }
        let port = try #require(listener.address?.port)
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let tunnel = Tunnel(over: socket, role: .responder, limits: TunnelLimits())
        Array("PRI * HTTP/2.0".utf8).withUnsafeBytes { tunnel.receive($0) }
        tunnel.close()
        #expect(tunnel.isClosed)
        try await IO.sleep(for: .milliseconds(1))  // the end of the turn
        listener.close()
    }

    @Test @IO func `may be flushed and closed by who takes a stream`() async throws {
        let ends = try await Ends()
        ends.agent.onStream = { stream in
            stream.write(Array("hello".utf8))
            stream.flush()
            ends.agent.close()
            return .accepted(offset: 0)
        }
        let stream = try ends.relay.open("somewhere")
        let ended = Flag()
        stream.onClose = { _ in ended.isSet = true }
        #expect(await eventually { ended.isSet })
        ends.close()
    }

    @Test @IO func `carries bytes both ways and half-closes`() async throws {
        let ends = try await Ends()
        ends.agent.onStream = { stream in
            #expect(stream.opening.authority == "file:1")
            stream.onData = { [unowned stream] in stream.write($0) }
            stream.onEnd = { [unowned stream] in stream.finish() }
            return .accepted(offset: 0)
        }
        let stream = try ends.relay.open("file:1")
        var back: [UInt8] = []
        var closed = false
        stream.onData = { back.append(contentsOf: $0) }
        stream.onClose = { _ in closed = true }
        let sent = pattern(2_500_000)
        stream.write(sent)
        stream.finish()
        #expect(await eventually { closed })
        #expect(back == sent)
        ends.close()
    }

    @Test @IO func `a reader that stops halts its sender at the window, and calls go on beside it`()
        async throws
    {
        let ends = try await Ends()
        ends.agent.onCall = { $0 }
        let block = [UInt8](repeating: 5, count: 65536)
        var produced = 0
        ends.agent.onStream = { stream in
            @IO func produce() {
                while stream.unsent < 65536 {
                    stream.write(block)
                    produced += block.count
                }
            }
            stream.onDrain = produce
            produce()
            return .accepted(offset: 0)
        }
        let stream = try ends.relay.open("source")
        stream.pauseReading()
        var got = 0
        stream.onData = { got += $0.count }
        let window = Int(TunnelLimits().streamWindow)
        #expect(await eventually { produced >= window })
        for index in 0..<200 {
            #expect(try await ends.relay.call([UInt8(index)]) == [UInt8(index)])
        }
        #expect(produced <= window + 4 * block.count)
        #expect(got == 0)
        stream.resumeReading()
        #expect(await eventually { got > 8 * window })
        stream.close()
        ends.close()
    }

    @Test @IO func `calls overtake a stream that is read at full speed`() async throws {
        let ends = try await Ends()
        ends.agent.onCall = { $0 }
        let block = [UInt8](repeating: 5, count: 65536)
        ends.agent.onStream = { stream in
            @IO func produce() { while stream.unsent < 65536 { stream.write(block) } }
            stream.onDrain = produce
            produce()
            return .accepted(offset: 0)
        }
        let stream = try ends.relay.open("source")
        var got = 0
        stream.onData = { got += $0.count }
        #expect(await eventually { got > 4 << 20 })
        // Head of line: never more than the cap waits in front of a call's frames.
        var worst = 0
        for index in 0..<100 {
            _ = try await ends.relay.call([UInt8(index)])
            worst = max(worst, ends.agent.transport.unsent)
        }
        #expect(worst <= TunnelLimits().unsentBytes + 2 * 16384 + 1024)
        stream.close()
        ends.close()
    }

    @Test @IO func `is refused where nobody takes streams`() async throws {
        let ends = try await Ends()
        let stream = try ends.relay.open("nothing")
        var closed = false
        stream.onClose = { _ in closed = true }
        stream.finish()
        #expect(await eventually { closed })
        ends.close()
    }
}
