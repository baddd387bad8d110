// A client that sends no more but still reads: it gets its answers. One that has left is noticed.
import Foundation
import Loop
import Net
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1))) struct HalfCloseTests {
    private static let request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test @IO func `a request that came whole is answered, and so are those behind it`()
        async throws
    {
        let open = Flag()
        let server = try server { request, responder in
            _ = await eventually { open.isSet }
            await echo(request, responder)
        }
        defer { server.close() }
        let wire = try await Wire.connect(server, sending: Self.request + Self.request)
        wire.stream.endWriting()
        try await IO.sleep(for: .milliseconds(20))
        open.isSet = true
        #expect(await wire.closes())
        #expect(wire.text.components(separatedBy: "HTTP/1.1 200").count == 3)
        #expect(wire.text.hasSuffix("GET /a "))
        #expect(wire.text.components(separatedBy: "Connection: close").count == 2)
        #expect(server.connectionCount == 0)
    }

    @Test(arguments: ["", "GET /", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"])
    @IO func `a request that is cut off ends the connection`(text: String) async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        let wire = try await Wire.connect(server, sending: text)
        wire.stream.endWriting()
        #expect(await wire.closes())
        #expect(wire.text == "")
        #expect(await eventually { server.connectionCount == 0 })
    }

    /// How a handler is answering when its client leaves.
    enum Way: CaseIterable {
        case silent, startsWhenAsked, eventStream, bytes
    }

    @Test(arguments: Way.allCases)
    @IO func `a client that has left is noticed`(way: Way) async throws {
        let left = Flag(), started = Flag()
        let server = try server({ $0.probeInterval = .milliseconds(20) }) { _, responder in
            @IO func start(_ type: String) { responder.start(headers: ["Content-Type": type]) }
            switch way {
            case .silent: break
            case .startsWhenAsked: responder.onInputEnd = { start("text/event-stream") }
            case .eventStream: start("text/event-stream")
            case .bytes: start("text/plain")
            }
            started.isSet = true
            try? await IO.sleep(for: .seconds(30))
            left.isSet = responder.isDisconnected
        }
        defer { server.close() }
        let wire = try await Wire.connect(server, sending: Self.request)
        #expect(await eventually { started.isSet })
        wire.stream.close()
        #expect(await eventually { left.isSet && server.connectionCount == 0 })
    }

    @Test @IO func `a client that waits on is sent what it skips`() async throws {
        let open = Flag()
        let server = try server({ $0.probeInterval = .milliseconds(10) }) { request, responder in
            if request.path == "/a" {
                _ = await eventually { open.isSet }
                return await echo(request, responder)
            }
            responder.start(headers: ["Content-Type": "text/event-stream"])
            _ = await eventually { open.isSet }
            try? await responder.write(SSEEvent(data: Array("x".utf8)))
            responder.end()
        }
        defer { server.close() }
        let plain = try await Wire.connect(server, sending: Self.request)
        let events = try await Wire.connect(
            server, sending: "GET /e HTTP/1.1\r\nHost: x\r\n\r\n")
        for wire in [plain, events] { wire.stream.endWriting() }
        #expect(await plain.has("HTTP/1.1 100 Continue\r\n\r\n"))
        #expect(await events.has(":\n\n"))
        open.isSet = true
        #expect(await plain.closes())
        #expect(plain.text.hasSuffix("GET /a "))
        #expect(await events.closes())
        #expect(events.text.contains("data: x\n\n"))
    }

    /// Interim replies are of HTTP/1.1 (RFC 9110 §15.2), and only a client that has ended its input
    /// is probed by one.
    @Test @IO func `no interim reply goes to HTTP 1.0, or to a client that may send more`()
        async throws
    {
        let open = Flag()
        let server = try server({ $0.probeInterval = .milliseconds(10) }) { request, responder in
            _ = await eventually { open.isSet }
            await echo(request, responder)
        }
        defer { server.close() }
        let old = try await Wire.connect(server, sending: "GET /a HTTP/1.0\r\n\r\n")
        let ended = try await Wire.connect(server, sending: Self.request)
        let waiting = try await Wire.connect(server, sending: Self.request)
        for wire in [old, ended] { wire.stream.endWriting() }
        #expect(await ended.has("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"))
        open.isSet = true
        #expect(await old.closes())
        #expect(await waiting.has("GET /a "))
        for wire in [old, waiting] { #expect(wire.text.hasPrefix("HTTP/1.1 200")) }
    }

    /// Go's client, up to 1.22, refuses a sixth.
    @Test @IO func `of interim replies a client gets at most five`() async throws {
        let open = Flag()
        let server = try server({ $0.probeInterval = .milliseconds(2) }) { request, responder in
            if request.path == "/e" {
                responder.start(headers: ["Content-Type": "text/event-stream"])
            }
            _ = await eventually { open.isSet }
            if request.path == "/a" { await echo(request, responder) }
        }
        defer { server.close() }
        let plain = try await Wire.connect(server, sending: Self.request)
        plain.stream.endWriting()
        #expect(await plain.has("100 Continue"))
        // What a stream of events is probed by shows how many probes there were meanwhile.
        let events = try await Wire.connect(server, sending: "GET /e HTTP/1.1\r\nHost: x\r\n\r\n")
        events.stream.endWriting()
        #expect(await events.until { $0.text.components(separatedBy: ":\n\n").count > 70 })
        open.isSet = true
        #expect(await plain.closes())
        #expect(plain.text.components(separatedBy: "100 Continue").count == 6)
        #expect(plain.text.hasSuffix("GET /a "))
    }
}
