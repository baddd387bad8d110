// Hosts that vanish without a word, so that nothing they were sent is acknowledged: a client that
// holds its session's stream, and an agent that has a call.
import Foundation
import JSON
import Support
import Testing

@Suite struct VanishedTests {
    private func port(_ url: String) throws -> UInt16 {
        try #require(URL(string: url)?.port.flatMap(UInt16.init(exactly:)))
    }

    /// A connection on which a stream was asked for; gives what has come once `text` is in it.
    private struct Stream: ~Copyable {
        let descriptor: Int32

        init(_ port: UInt16, _ head: String) throws {
            descriptor = try Ports.connect(to: port)
            _ = head.utf8CString.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count - 1, Int32(MSG_NOSIGNAL))
            }
        }

        deinit { close(descriptor) }

        func reads(_ text: String, within limit: Duration = .seconds(10)) async -> Bool {
            var (all, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
            let size = buffer.count
            return await holds(within: limit) {
                let count = recv(descriptor, &buffer, size, Int32(MSG_DONTWAIT))
                if count > 0 { all += buffer[..<count] }
                return String(decoding: all, as: UTF8.self).contains(text)
            }
        }
    }

    @Test func `the newest stream of a session wins over one whose client has vanished`()
        async throws
    {
        let home = try await Installation.start()
        let port = try port(home.url)
        let token = try await home.token()
        let handshake =
            #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"#
            + #""2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#
        let headers = "Host: localhost\r\nAuthorization: Bearer \(token)\r\n"
        let answer = try await HTTPAnswer.exchange(
            Array(
                ("POST /mcp HTTP/1.1\r\n\(headers)Connection: close\r\n"
                    + "Content-Type: application/json\r\nAccept: */*\r\n"
                    + "Content-Length: \(handshake.utf8.count)\r\n\r\n\(handshake)").utf8),
            port: port, within: .seconds(10))
        let session = try #require(answer.headers["mcp-session-id"])
        let head =
            "GET /mcp HTTP/1.1\r\n\(headers)Accept: text/event-stream\r\n"
            + "Mcp-Session-Id: \(session)\r\n\r\n"
        let line = try SlowLink(to: port)
        let first = try Stream(line.port, head)
        #expect(await first.reads(": keepalive"))
        line.vanish()
        let start = ContinuousClock.now
        let second = try Stream(port, head)
        #expect(await second.reads(": keepalive"))
        #expect(ContinuousClock.now - start < .seconds(2))
        // It stays: the end of the first one does not end it.
        #expect(await !second.reads("0\r\n\r\n", within: .seconds(1)))
        line.close()
        await home.stop()
    }

    @Test func `a call whose tunnel has vanished goes on over the next one`() async throws {
        let home = try await Installation.start()
        let caller = try await home.caller()
        let line = try SlowLink(to: try port(home.tunnel))
        try await home.join("site", through: line.port)
        try await home.startAgent("site", caller: caller)
        line.vanish()
        let start = ContinuousClock.now
        async let waiting = caller.structured(
            "ssh_execute", ["target": "site/local", "command": "echo once", "wait_s": 40])
        let isFoundOut = await holds(within: .seconds(8)) {
            await !home.online("site", caller: caller, within: .zero)
        }
        #expect(isFoundOut && ContinuousClock.now - start < .seconds(8))
        // The agent heard nothing of the call: it finds the relay silent after 33 s.
        #expect(try await waiting["results"]?[0]?["stdout"] == "once\n")
        #expect(ContinuousClock.now - start < .seconds(45))
        line.close()
        await home.stop()
    }
}
