// What clients make a server keep: bodies and unread replies, counted until the bytes are gone.
import Loop
import Net
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1))) struct MemoryTests {
    private static func head(_ client: String, _ length: Int) -> String {
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: \(client)\r\nContent-Length: \(length)\r\n\r\n"
    }

    @IO private func started(
        _ change: (inout HTTPLimits) -> Void, handler: @escaping HTTPServer.Handler
    ) throws -> HTTPServer {
        var limits = HTTPLimits()
        change(&limits)
        let server = HTTPServer(
            limits: limits, judge: { $0.header("authorization") },
            handler: { request, responder in
                responder.client = request.header("authorization")
                await handler(request, responder)
            })
        try server.listen(loopback)
        return server
    }

    @Test @IO func `one client cannot use up the room for bodies`() async throws {
        let server = try started(
            {
                $0.memory.bodies = 200_000
                $0.memory.clientBodies = 100_000
            }, handler: echo)
        defer { server.close() }
        let greedy = try await Wire.connect(server)
        greedy.send(Self.head("a", 90_000) + String(repeating: "x", count: 80_000))
        #expect(await eventually { server.bodies.used(by: "a") == 80_000 })
        let more = try await Wire.connect(server)
        more.send(Self.head("a", 90_000) + String(repeating: "x", count: 80_000))
        #expect(await more.has("HTTP/1.1 503"))
        #expect(await more.has("try again when"))
        let other = try await Wire.connect(server)
        other.send(Self.head("b", 80_000) + String(repeating: "x", count: 80_000))
        #expect(await other.has("HTTP/1.1 200"))
        greedy.stream.close()
        #expect(await eventually { server.bodies.used == 0 })
    }

    @Test @IO func `a body counts until its handler lets go of it, even if the client has left`()
        async throws
    {
        let release = Once<Void>()
        let server = try started({ _ in }) { request, responder in
            await release.wait()
            responder.send(body: Array("\(request.body.count)".utf8))
        }
        defer { server.close() }
        let peer = try await Wire.connect(server)
        peer.send(Self.head("a", 50_000) + String(repeating: "x", count: 50_000))
        #expect(await eventually { server.bodies.used == 50_000 })
        peer.stream.close()
        #expect(await eventually { server.connectionCount == 0 })
        #expect(server.bodies.used == 50_000)
        release.set(())
        #expect(await eventually { server.bodies.used == 0 })
    }

    @Test @IO func `replies that a client does not read count on its share`() async throws {
        let reply = [UInt8](repeating: 0x78, count: 8 << 20)
        let server = try started({ _ in }) { request, responder in
            responder.send(body: request.header("authorization") == "a" ? reply : [0x79])
        }
        defer { server.close() }
        var deaf: [Wire] = []
        for _ in 0..<20 {
            let wire = try await Wire.connect(server)
            wire.stream.pauseReading()
            wire.send(Self.head("a", 0))
            deaf.append(wire)
        }
        #expect(await eventually { server.replies.used(by: "a") >= 3 * reply.count })
        #expect(server.replies.used <= server.limits.memory.clientReplies)
        let other = try await Wire.connect(server)
        other.send(Self.head("b", 0))
        #expect(await other.has("HTTP/1.1 200"))
        let refused = try await Wire.connect(server)
        refused.send(Self.head("a", 0))
        #expect(await refused.has("HTTP/1.1 503"))
        #expect(await refused.has("memory for unread replies"))
        // Memory is given back when they read, or leave.
        for wire in deaf.prefix(10) { wire.stream.resumeReading() }
        for wire in deaf.dropFirst(10) { wire.stream.close() }
        #expect(await eventually { server.replies.used == 0 })
    }

    @Test @IO func `a stop lets a long response that has begun leave whole`() async throws {
        let reply = [UInt8](repeating: 0x78, count: 16 << 20)
        let server = try started({ _ in }) { _, responder in responder.send(body: reply) }
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.stream.pauseReading()
        wire.send(Self.head("a", 0))
        #expect(await eventually { server.replies.used > 0 })
        server.drain()
        wire.stream.resumeReading()
        #expect(await wire.closes())
        #expect(wire.text.utf8.count > reply.count)
    }

    @Test @IO func `a stream in pieces that is not read is cut at the share`() async throws {
        let failed = Once<HTTPError?>()
        let server = try started({ $0.memory.clientReplies = 100_000 }) { _, responder in
            responder.start()
            do throws(HTTPError) {
                try await responder.write([UInt8](repeating: 1, count: 150_000))
                failed.set(nil)
            } catch {
                failed.set(error)
            }
        }
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.send(Self.head("a", 0))
        #expect(await failed.wait() == .closed)
        #expect(await wire.closes())
        #expect(await eventually { server.replies.used == 0 && server.connectionCount == 0 })
    }

    @Test @IO func `a known sender is reported once, at the head or at the end`() async throws {
        var known = 0
        let server = try started({ _ in }, handler: echo)
        let listener = try Listener.tcp(loopback) { server.serve($0) { known += 1 } }
        let address = try #require(listener.address)
        let stranger = try await SocketStream.connect(to: address, deadline: .seconds(5))
        stranger.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        let client = try await SocketStream.connect(to: address, deadline: .seconds(5))
        client.write(Array(Self.head("a", 90_000).utf8))
        #expect(await eventually { known == 1 })
        #expect(server.connectionCount == 2)
        stranger.close()
        client.close()
        #expect(await eventually { server.connectionCount == 0 && known == 2 })
        listener.close()
        server.close()
    }
}
