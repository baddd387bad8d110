// Bodies that their handlers read piece by piece, and replies of a known length.
import Foundation
import Loop
import Net
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1))) struct StreamedBodyTests {
    /// A server whose handler counts the bytes of a PUT, and answers with their number.
    @IO private func counting(
        _ change: (inout HTTPLimits) -> Void = { _ in }, until stop: Int = .max
    ) throws -> HTTPServer {
        var limits = HTTPLimits()
        limits.bodyBytes = 10
        change(&limits)
        let server = HTTPServer(limits: limits, streams: { $0.path == "/put" }) {
            request, responder in
            guard request.method == "PUT" else { return await echo(request, responder) }
            var count = 0
            do throws(HTTPError) {
                while count < stop, let piece = try await responder.nextPiece() {
                    count += piece.count
                }
                responder.send(body: Array("\(count) bytes".utf8))
            } catch {
                guard case .refused(let status) = error else { return }
                responder.send(status: status, text: "\(count) came")
            }
        }
        try server.listen(loopback)
        return server
    }

    @Test @IO func `a body beyond every limit is read in pieces, and the connection goes on`()
        async throws
    {
        let server = try counting()
        defer { server.close() }
        let peer = try await Wire.connect(server)
        peer.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
        for _ in 0..<3 { peer.send(String(repeating: "x", count: 1_000_000)) }
        #expect(await peer.has("3000000 bytes"))
        #expect(server.bodies.used == 0)
        peer.send("PUT /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<3 { peer.send("5\r\nabcde\r\n") }
        peer.send("0\r\n\r\nPUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        #expect(await peer.has("15 bytes"))
        #expect(await peer.has("2 bytes"))
        peer.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        #expect(await peer.has("\r\n\r\n0 bytes"))
        // Others are held whole, and have the limit.
        peer.send("PUT /other HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n")
        #expect(await peer.has("HTTP/1.1 413"))
    }

    @Test @IO func `100 is said when the handler reads, not before`() async throws {
        let server = try counting()
        defer { server.close() }
        let peer = try await Wire.connect(server)
        peer.send(
            "PUT /put HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(await peer.has("HTTP/1.1 100"))
        peer.send("abc")
        #expect(await peer.has("3 bytes"))
    }

    @Test @IO func `an answer before the end of a body closes the connection`() async throws {
        let server = try counting(until: 5)
        defer { server.close() }
        let peer = try await Wire.connect(server)
        peer.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabcde")
        #expect(await peer.has("5 bytes"))
        #expect(peer.text.contains("Connection: close"))
        // What it still sends is taken for a moment: a reset would take the answer from it.
        peer.send(String(repeating: "x", count: 500))
        #expect(server.connectionCount == 1 && !peer.isClosed)
        #expect(await peer.closes())
        let broken = try await Wire.connect(server)
        broken.send("PUT /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nq\r\n")
        #expect(await broken.has("HTTP/1.1 400"))
    }

    @Test @IO func `who sends too slowly gets 408, who leaves frees the handler`() async throws {
        let server = try counting({ $0.bodyDeadline = .milliseconds(60) })
        defer { server.close() }
        let slow = try await Wire.connect(server)
        slow.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        let drip = IO.task {
            while !Task.isCancelled, !slow.isClosed {
                slow.send("x")
                try? await IO.sleep(for: .milliseconds(5))
            }
        }
        #expect(await slow.has("HTTP/1.1 408"))
        drip.cancel()
        for ends in [true, false] {
            let gone = try await Wire.connect(server)
            gone.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
            if ends { gone.stream.endWriting() } else { gone.stream.close() }
            #expect(await gone.closes() || !ends)
        }
        slow.stream.close()
        #expect(await eventually { server.connectionCount == 0 })
    }

    @Test func `a body owes 64 KiB for each wait`() {
        var pace = BodyPace(ticks: 100)
        pace.waited(60)
        pace.took(HTTPLimits.uploadStep - 1)
        #expect(pace.left == 40)
        pace.took(1)
        #expect(pace.left == 100)
        pace.waited(99)
        pace.took(10)
        pace.waited(5)
        #expect(pace.left == 0)
    }

    @Test(arguments: [(10, 10), (4, 10)]) @IO
    func `a body of known length is whole, or its connection ends`(written: Int, length: Int)
        async throws
    {
        let server = try server { _, responder in
            responder.start(headers: [:], length: length)
            try? await responder.write([UInt8](repeating: 120, count: written))
            responder.end()
        }
        defer { server.close() }
        let peer = try await Wire.connect(server)
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        guard written == length else {
            #expect(await peer.closes())
            #expect(!peer.text.contains("HTTP/1.1 200") || !peer.text.hasSuffix("xxxxxxxxxx"))
            return
        }
        #expect(await peer.has(String(repeating: "x", count: written)))
        #expect(peer.text.contains("Content-Length: \(length)\r\n"))
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await peer.until { $0.text.components(separatedBy: "HTTP/1.1 200").count == 3 })
    }
}
