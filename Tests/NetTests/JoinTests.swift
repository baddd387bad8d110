import Glibc
import Loop
import Support
import Testing

@testable import Net

/// Two connections over loopback whose near ends are joined, as a forward joins them.
@IO private struct Pair {
    /// The ends of the two peers.
    let client: SocketStream
    let server: SocketStream
    let joint: Joint

    init() async throws {
        let (client, near) = try await Self.connection()
        let (server, far) = try await Self.connection()
        (self.client, self.server, joint) = (client, server, Joint.join(near, far))
    }

    private static func connection() async throws -> (SocketStream, SocketStream) {
        var accepted: SocketStream?
        let listener = try Listener.tcp(loopback) { accepted = $0 }
        let port = try #require(listener.address?.port)
        let client = try await SocketStream.connect(host: "127.0.0.1", port: port)
        #expect(await holds { @IO in accepted != nil })
        listener.close()
        return (client, try #require(accepted))
    }
}

@Suite(.timeLimit(.minutes(1))) struct JoinTests {
    @Test @IO func `each direction ends by itself`() async throws {
        let pair = try await Pair()
        let atServer = Probe(pair.server)
        let atClient = Probe(pair.client)
        var hasEnded = false
        pair.server.onEnd = { hasEnded = true }
        pair.client.write(Array("question".utf8))
        pair.client.endWriting()
        #expect(await atServer.until { hasEnded })
        pair.server.write(Array("answer".utf8))
        pair.server.finish()
        #expect(await atClient.until { atClient.closed })
        #expect(atServer.bytes == Array("question".utf8) && atClient.bytes == Array("answer".utf8))
        #expect(await pair.joint.ended() == nil)
    }

    @Test @IO func `a source is stopped when its reader has broken off`() async throws {
        let pair = try await Pair()
        let atClient = Probe(pair.client)
        let atServer = Probe(pair.server)
        let portion = [UInt8](repeating: 7, count: 1 << 16)
        // A source that never ends: it writes on whenever it can.
        pair.server.onDrain = { pair.server.write(portion) }
        pair.server.write(portion)
        #expect(await atClient.until { atClient.bytes.count > 1 << 20 })
        let before = IO.now
        pair.client.reset()
        #expect(await atServer.until { atServer.closed })
        #expect(before.duration(to: IO.now) < .seconds(5))
        _ = await pair.joint.ended()
    }

    @Test @IO func `what a client sent before it broke off arrives`() async throws {
        let pair = try await Pair()
        let atServer = Probe(pair.server)
        let sent = pattern(100_000)
        pair.server.pauseReading()
        pair.client.write(sent)
        #expect(await atServer.until { pair.joint.forth == sent.count })
        pair.client.reset()
        pair.server.resumeReading()
        #expect(await atServer.until { atServer.closed })
        #expect(atServer.bytes == sent)
    }
}

extension SocketStream {
    /// Breaks off with a reset (SO_LINGER of 0 s), as a killed client does.
    fileprivate func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}
