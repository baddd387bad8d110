// WebSockets: the frames of RFC 6455, what breaks its rules, and both ends over real sockets.
import Crypto
import Loop
import Net
import Support
import Testing

@testable import HTTP

@Suite struct WebSocketFrameTests {
    /// What a reader makes of bytes that come in pieces of a size; data is joined.
    private static func read(
        _ bytes: [UInt8], masked: Bool, by size: Int
    ) throws(WebSocketViolation) -> [WebSocketPart] {
        var (reader, parts) = (WebSocketReader(expectsMask: masked), [WebSocketPart]())
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            var at = 0
            while let part = try reader.next(piece.span, at: &at) {
                if case .data(let more) = part, case .data(let before)? = parts.last {
                    parts[parts.count - 1] = .data(before + more)
                } else {
                    parts.append(part)
                }
            }
            #expect(at == piece.count)
        }
        return parts
    }

    /// The bytes of `Hello`.
    private static let hello = Array("Hello".utf8)

    /// RFC 6455 §5.7, with binary messages for text, and what follows from §5.4 and §5.5.
    private static let valid: [(bytes: [UInt8], masked: Bool, parts: [WebSocketPart])] = [
        ([0x82, 5] + hello, false, [.data(hello)]),
        (
            [0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], true,
            [.data(hello)]
        ),
        ([2, 3, 0x48, 0x65, 0x6c, 0x80, 2, 0x6c, 0x6f], false, [.data(hello)]),
        ([0x89, 5] + hello, false, [.ping(hello)]),
        (
            [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0x88, 0x80, 1, 2, 3]
                + [4], true, [.close(code: nil)]
        ),
        (
            [0x82, 126, 1, 0] + [UInt8](repeating: 7, count: 256), false,
            [.data([UInt8](repeating: 7, count: 256))]
        ),
        (
            [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 7, count: 65536), false,
            [.data([UInt8](repeating: 7, count: 65536))]
        ),
        // A ping inside of a message, which has an empty fragment, too.
        (
            [2, 1, 0x61, 0x89, 0, 0, 0, 0x80, 1, 0x62, 0x88, 2, 3, 0xe8], false,
            [.data([0x61]), .ping([]), .data([0x62]), .close(code: 1000)]
        ),
    ]

    @Test func `frames are read as the RFC has them, however they are cut`() throws {
        for (bytes, masked, parts) in Self.valid {
            for size in [1, 2, 3, 7, bytes.count] where size == bytes.count || bytes.count < 999 {
                #expect(try Self.read(bytes, masked: masked, by: size) == parts, "\(size)")
            }
        }
    }

    private static let invalid: [(bytes: [UInt8], masked: Bool, violation: WebSocketViolation)] = [
        ([0x82, 5], true, .mask(isExpected: true)),
        ([0x82, 0x85], false, .mask(isExpected: false)),
        ([0xc2, 1], false, .reservedBits), ([0x83, 1], false, .unknownKind(3)),
        ([0x8b, 0], false, .unknownKind(11)), ([0x81, 1], false, .text),
        ([0x80, 1], false, .order), ([2, 1, 0x61, 2, 1], false, .order),
        ([9, 0], false, .control), ([0x89, 126], false, .control), ([0x88, 127], false, .control),
        ([0x82, 126, 0, 125], false, .longWinded),
        ([0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255], false, .longWinded),
        ([0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1], false, .tooLong),
        ([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255], false, .tooLong),
        ([0x88, 1, 3], false, .closeCode), ([0x88, 2, 3, 0xed], false, .closeCode),
        ([0x88, 2, 0, 0], false, .closeCode),
        ([2, 0] + [[UInt8]](repeating: [0, 0], count: 100).flatMap(\.self), false, .idle),
        ([[UInt8]](repeating: [0x8a, 0], count: 101).flatMap(\.self), false, .idle),
    ]

    @Test func `what breaks the rules is refused as soon as it is seen`() {
        for (bytes, masked, violation) in Self.invalid {
            for size in [1, bytes.count] {
                #expect(throws: violation, "\(bytes.prefix(20))") {
                    try Self.read(bytes, masked: masked, by: size)
                }
            }
        }
    }

    @Test func `data between idle frames begins their count anew`() throws {
        let idle = [[UInt8]](repeating: [0x89, 0], count: 100).flatMap(\.self)
        let parts = try Self.read(idle + [0x82, 1, 5] + idle, masked: false, by: 300)
        #expect(parts.count == 201)
    }

    @Test func `a mask is undone, whatever the length and the cuts`() throws {
        for count in Array(0...40) + [125, 126, 127, 65535, 65536, 70000] {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            var bytes: [UInt8] = []
            bytes.append(frame: .binary, payload, mask: WebSocketMask([1, 0x80, 3, 0xff]))
            for size in [1, 5, 8, bytes.count] where size == bytes.count || count < 999 {
                let parts = try Self.read(bytes, masked: true, by: size)
                #expect(parts == (count == 0 ? [] : [.data(payload)]), "\(count), \(size)")
            }
        }
    }

    /// RFC 6455 §1.3.
    @Test func `the proof is the RFC's`() {
        let proof = WebSocketHandshake.proof(of: "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(proof == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }
}

@Suite(.timeLimit(.minutes(1))) struct WebSocketTests {
    /// A server that gives its WebSockets to the test.
    @IO private static func server(
        _ accept: @escaping @IO (WebSocketStream) -> Void
    ) throws -> HTTPServer {
        let server = HTTPServer { request, responder in
            if let stream = responder.openWebSocket(request, protocol: "echo.1") { accept(stream) }
        }
        try server.listen(loopback)
        return server
    }

    @IO private static func dial(_ server: HTTPServer) async throws -> SocketStream {
        try await SocketStream.connect(host: "127.0.0.1", port: server.address?.port ?? 0)
    }

    @Test @IO func `bytes pass both ways, with back-pressure, to an orderly end`() async throws {
        let server = try Self.server { stream in
            stream.onData = { [weak stream] in
                stream?.write($0)
                if stream?.unsent ?? 0 > 1 << 18 { stream?.pauseReading() }
            }
            stream.onDrain = { [weak stream] in stream?.resumeReading() }
        }
        defer { server.close() }
        let stream = try await WebSocketStream.connect(
            over: try await Self.dial(server), host: "x", path: "/a", protocol: "echo.1")
        #expect(await eventually { server.connectionCount == 0 })
        let (ended, sent) = (
            Once<NetError?>(), (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0) }
        )
        var got: [UInt8] = []
        stream.onData = {
            got += $0
            if got.count == sent.count { stream.finish() }
        }
        stream.onClose = { ended.set($0) }
        stream.write(sent)
        #expect(await IO.within(.seconds(20)) { await ended.wait() } == .some(nil))
        #expect(got == sent)
    }

    @Test @IO func `a ping is answered; a broken rule gets its code, and ends the connection`()
        async throws
    {
        let ends = [Once<NetError?>(), Once<NetError?>()]
        var opened = 0
        let server = try Self.server { stream in
            stream.onData = { _ in }
            stream.onClose = { [ended = ends[opened]] in ended.set($0) }
            opened += 1
        }
        defer { server.close() }
        let request = String(
            decoding: WebSocketHandshake.request(
                host: "x", path: "/", key: "dGhlIHNhbXBsZSBub25jZQ==", protocol: "echo.1"),
            as: UTF8.self)
        let polite = try await Wire.connect(
            server, sending: request)
        #expect(await polite.has("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        polite.stream.write([0x89, 0x81, 0, 0, 0, 0, 0x41])
        #expect(await polite.until { $0.text.hasSuffix("\u{1}A") })
        polite.stream.write([0x88, 0x80, 0, 0, 0, 0])
        #expect(await polite.closes())
        #expect(await ends[0].wait() == nil)
        let rude = try await Wire.connect(server, sending: request)
        #expect(await rude.has("101 Switching"))
        rude.stream.write([0x82, 1, 0x41])
        #expect(await rude.closes())
        #expect(rude.text.hasSuffix("\u{2}\u{3}\u{fffd}"), "\(rude.text)")
        #expect(await ends[1].wait()?.description.contains("not masked") == true)
    }

    @Test @IO func `frames that come with the request are not lost`() async throws {
        var got: [UInt8] = []
        let server = try Self.server { stream in stream.onData = { got += $0 } }
        defer { server.close() }
        let socket = try await Self.dial(server)
        var bytes = WebSocketHandshake.request(
            host: "x", path: "/", key: "dGhlIHNhbXBsZSBub25jZQ==", protocol: "echo.1")
        bytes.append(frame: .binary, Array("first".utf8), mask: WebSocketMask([1, 2, 3, 4]))
        socket.onData = { _ in }
        socket.write(bytes)
        #expect(await eventually { got == Array("first".utf8) })
        socket.close()
    }

    private static let start = "GET / HTTP/1.1\r\nHost: x\r\n"
    private static let rest =
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + "Sec-WebSocket-Protocol: echo.1\r\n"
    private static let upgrade = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"

    @Test(arguments: [
        (start + upgrade + rest, "101"),
        (start + upgrade + rest.replacing("echo.1", with: "other, echo.1"), "101"),
        (start + rest, "426"), (start + "Upgrade: h2c\r\nConnection: Upgrade\r\n" + rest, "426"),
        (start + "Upgrade: websocket\r\n" + rest, "426"),
        ((start + upgrade + rest).replacing("HTTP/1.1", with: "HTTP/1.0"), "426"),
        (start + upgrade + rest.replacing(" 13", with: " 8"), "426"),
        ((start + upgrade + rest).replacing("GET", with: "PUT"), "400"),
        (start + upgrade + rest + "Content-Length: 1\r\n", "400"),
        (start + upgrade + rest.replacing("dGhl", with: ""), "400"),
        (start + upgrade + rest.replacing("echo.1", with: "echo.2"), "400"),
    ])
    @IO func `a request that asks for no such WebSocket is answered with the reason`(
        head: String, status: String
    ) async throws {
        let server = try Self.server { $0.onData = { _ in } }
        defer { server.close() }
        let body = head.contains("Content-Length") ? "x" : ""
        let wire = try await Wire.connect(server, sending: head + "\r\n" + body)
        #expect(await wire.has("HTTP/1.1 \(status) "), "\(wire.text)")
        #expect(wire.text.contains("Upgrade: websocket") == ["101", "426"].contains(status))
        wire.stream.close()
    }

    /// What a web server may answer instead.
    private static let answers: [(text: String, error: WebSocketError?)] = [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", .answered(status: 404, place: nil)),
        ("HTTP/1.1 200 OK\r\n\r\n<html>", .answered(status: 200, place: nil)),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://login.example/\r\n\r\n",
            .answered(status: 302, place: "https://login.example/")
        ),
        ("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", .otherProtocol),
        ("SSH-2.0-OpenSSH_9\r\n\r\n\r\n", .notHTTP), ("", .ended(nil)), ("HTTP/1.1 ", nil),
    ]

    @Test @IO func `what a server answers instead is the error, and ends the connection`()
        async throws
    {
        for (text, error) in Self.answers {
            let listener = try Listener.tcp(loopback) { socket in
                socket.onData = { _ in
                    socket.write(Array(text.utf8))
                    if text.isEmpty { socket.finish() }
                }
            }
            let socket = try await SocketStream.connect(
                host: "127.0.0.1", port: listener.address?.port ?? 0)
            let found = await #expect(throws: WebSocketError.self) {
                try await WebSocketStream.connect(
                    over: socket, host: "x", path: "/", protocol: "echo.1",
                    deadline: error == nil ? .milliseconds(200) : .seconds(10))
            }
            #expect(found == error ?? .silent)
            #expect(socket.isClosed)
            listener.close()
        }
    }

    /// As an agent's: TLS in a WebSocket in TLS.
    ///
    /// Each layer holds the next one below, and is held by it until it ends.
    @Test @IO func `nothing is left of the layers when they have ended`() async throws {
        let made = try SelfSignedCertificate.generate(commonName: "x")
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: [])
        let client = try TLSContext(
            client: .pin(try PublicKeyPin(certificatePEM: made.certificatePEM)), alpn: [])
        /// What is looked for afterwards.
        @IO final class Layers {
            weak var outer, inner: TLSStream?
            weak var socket: WebSocketStream?
            var isGone: Bool { outer == nil && inner == nil && socket == nil }
        }
        let (ours, theirs) = (Layers(), Layers())
        let server = HTTPServer { request, responder in
            guard let stream = responder.openWebSocket(request, protocol: "echo.1") else { return }
            theirs.socket = stream
            let inner = try? await TLSStream.handshake(over: stream, context: context)
            theirs.inner = inner
            inner?.onData = { [weak inner] in inner?.write($0) }
        }
        let listener = try Listener.tcp(loopback) { socket in
            IO.task {
                guard let outer = try? await TLSStream.handshake(over: socket, context: context)
                else { return }
                theirs.outer = outer
                server.serve(outer)
            }
        }
        func visit() async throws {
            let outer = try await TLSStream.handshake(
                over: try await SocketStream.connect(
                    host: "127.0.0.1", port: listener.address?.port ?? 0),
                context: client, serverName: "x")
            let socket = try await WebSocketStream.connect(
                over: outer, host: "x", path: "/", protocol: "echo.1")
            let inner = try await TLSStream.handshake(
                over: socket, context: client, serverName: "x")
            (ours.outer, ours.socket, ours.inner) = (outer, socket, inner)
            let echoed = Once<[UInt8]>()
            inner.onData = { echoed.set([UInt8]($0)) }
            inner.write([1, 2, 3])
            #expect(await echoed.wait() == [1, 2, 3])
            #expect(!theirs.isGone)
            inner.finish()
        }
        try await visit()
        #expect(await eventually { ours.isGone && theirs.isGone })
        listener.close()
    }

    private static let script = "\(Repository.root)/Tests/Interop/python/websocket.py"

    @Test(.needs(.pythonClients)) @IO func `another library's client is understood`() async throws {
        let server = try Self.server { stream in
            stream.onData = { [weak stream] in stream?.write($0) }
        }
        defer { server.close() }
        let port = server.address?.port ?? 0
        let output = try await RunningProcess.run(
            try #require(Repository.python), [Self.script, "client", "\(port)"])
        #expect(output == "431323\n")
    }

    @Test(.needs(.pythonClients)) @IO func `another library's server is understood`() async throws {
        let process = try RunningProcess(
            try #require(Repository.python), [Self.script, "server"])
        #expect(await Support.holds { process.output.hasSuffix("\n") })
        let port = try #require(UInt16(process.output.dropLast()))
        let stream = try await WebSocketStream.connect(
            over: try await SocketStream.connect(host: "127.0.0.1", port: port), host: "x",
            path: "/", protocol: "echo.1")
        let (ended, sent) = (Once<NetError?>(), [UInt8](repeating: 0x5a, count: 200_000))
        var got: [UInt8] = []
        stream.onData = {
            got += $0
            if got.count == sent.count { stream.finish() }
        }
        stream.onClose = { ended.set($0) }
        stream.write(sent)
        #expect(await IO.within(.seconds(20)) { await ended.wait() } == .some(nil))
        #expect(got == sent)
        await process.stop()
    }
}
