import Loop
import Net
import Testing

@testable import HTTP

/// What is refused is refused before its body is kept.
@Suite(.timeLimit(.minutes(1))) struct UnwantedBodyTests {
    @Test @IO func `a body that is not wanted is answered on its head`() async throws {
        let server = HTTPServer(
            judge: { $0.header("authorization") },
            handler: { request, responder in
                responder.send(status: request.header("authorization") == nil ? 401 : 200)
            })
        try server.listen(loopback)
        let peer = try await Wire.connect(server)
        peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\nfirst")
        #expect(await peer.has("HTTP/1.1 401"))
        #expect(await peer.has("Connection: close"))
        #expect(server.bodies.used == 0)
        #expect(await peer.closes())
        let known = try await Wire.connect(server)
        known.send(
            "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: y\r\nContent-Length: 5\r\n\r\nfi")
        #expect(await eventually { server.bodies.used == 2 })
        known.send("rst")
        #expect(await known.has("HTTP/1.1 200"))
        #expect(server.bodies.used == 0)
        server.close()
    }

    @Test @IO func `all bodies together have a limit`() async throws {
        var limits = HTTPLimits()
        limits.memory.bodies = 100_000
        let server = HTTPServer(limits: limits, handler: echo)
        try server.listen(loopback)
        let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n"
        let first = try await Wire.connect(server)
        first.send(head + String(repeating: "x", count: 60_000))
        #expect(await eventually { server.bodies.used == 60_000 })
        let second = try await Wire.connect(server)
        second.send(head + String(repeating: "x", count: 60_000))
        #expect(await second.has("HTTP/1.1 503"))
        #expect(await eventually { server.bodies.used == 60_000 })
        first.send(String(repeating: "x", count: 10_000))
        #expect(await first.has("HTTP/1.1 200"))
        #expect(await eventually { server.bodies.used == 0 })
        let third = try await Wire.connect(server)
        third.send(head)
        third.send(String(repeating: "x", count: 30_000))
        #expect(await eventually { server.bodies.used == 30_000 })
        third.stream.close()
        #expect(await eventually { server.bodies.used == 0 })
        server.close()
    }
}

@Suite struct ServerTests {
    @Test @IO func `requests on one connection are answered in order`() async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none")
        #expect(await wire.has("POST /a one"))
        #expect(wire.text.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
        #expect(wire.text.contains("\r\nContent-Length: 11\r\n\r\n"))
        // Pipelined, and the last one cut in the middle.
        wire.text = ""
        wire.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\nPOST /c HTTP/1.1\r\nHost: x\r\n")
        wire.send("Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\nGET /d HTTP/1.1\r\nHo")
        #expect(await wire.has("POST /c two"))
        wire.send("st: x\r\nConnection: close\r\n\r\n")
        #expect(await wire.has("GET /d "))
        #expect(await wire.closes())
        let places = ["GET /b ", "POST /c two", "GET /d "].map {
            wire.text.range(of: $0)?.lowerBound
        }
        #expect(places.compactMap { $0 }.count == 3)
        #expect(wire.text.components(of: "Connection: close") == 1)
        #expect(await eventually { server.connectionCount == 0 })
    }

    @Test @IO func `a connection closes after a hundred refused requests`() async throws {
        for status in [401, 403, 404] {
            let server = HTTPServer { _, responder in responder.send(status: status) }
            try server.listen(loopback)
            let wire = try await Wire.connect(server)
            for _ in 0..<300 { wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }
            #expect(await wire.closes())
            #expect(wire.text.components(of: "HTTP/1.1 \(status)") == 100)
            #expect(wire.text.components(of: "Connection: close") == 1)
            server.close()
        }
    }

    @Test @IO func `many pipelined requests all come back, and none is lost at the cap`()
        async throws
    {
        let server = try server({ $0.memory.pipelined = 256 }, handler: echo)
        defer { server.close() }
        let wire = try await Wire.connect(server)
        for number in 0..<500 { wire.send("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n") }
        #expect(await wire.has("GET /499 "))
        #expect(wire.text.components(of: "HTTP/1.1 200 OK") == 500)
    }

    @Test @IO func `a request that comes byte by byte is one request`() async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        let wire = try await Wire.connect(server)
        let text = "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        for byte in text.utf8 {
            wire.stream.write([byte])
            wire.stream.flush()
            try await IO.sleep(for: .zero)
        }
        #expect(await wire.has("POST /slow hello"))
    }

    @Test(arguments: [
        ("G@T / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", "413 Content"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n",
            "413 Content"
        ),
        ("GET / HTTP/3.0\r\n\r\n", "505 HTTP"), ("GET / HTTP/1.1\r\n\r\n", "400 Bad"),
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n\r\n", "414 URI"),
        ("GET / HTTP/1.1\r\nA: \(String(repeating: "a", count: 9000))", "431 Request"),
        ("POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", "417 Expectation"),
    ])
    @IO func `a request that is refused is told why, and the connection ends`(
        text: String, answer: String
    ) async throws {
        let server = try server({ $0.lingerDeadline = .milliseconds(50) }, handler: echo)
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.send("GET /first HTTP/1.1\r\nHost: x\r\n\r\n" + text)
        #expect(await wire.has("HTTP/1.1 \(answer)"))
        #expect(wire.text.contains("GET /first"))
        #expect(wire.text.contains("Connection: close\r\n"))
        #expect(wire.text.contains("Allow: GET") == answer.hasPrefix("405"))
        // What follows a refused request is never taken for a request.
        wire.send("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await wire.closes())
        #expect(!wire.text.contains("smuggled"))
    }

    @Test @IO func `HEAD gets the head alone`() async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\nGET /g HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await wire.has("GET /g "))
        #expect(!wire.text.contains("HEAD /h"))
        #expect(wire.text.contains("Content-Length: 8\r\n\r\nHTTP/1.1 200"))
    }

    @Test @IO func `100 Continue is sent when the client waits for it`() async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        let wire = try await Wire.connect(server)
        let head =
            "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        wire.send(head)
        #expect(await wire.has("HTTP/1.1 100 Continue\r\n\r\n"))
        wire.send("ok")
        #expect(await wire.has("POST /e ok"))
        wire.text = ""
        wire.send(head + "no")
        #expect(await wire.has("POST /e no"))
        #expect(!wire.text.contains("100 Continue"))
    }

    @Test @IO func `a client that is slow with head or body gets 408, an idle one is closed`()
        async throws
    {
        let server = try server(
            {
                $0.headDeadline = .milliseconds(60)
                $0.bodyDeadline = .milliseconds(60)
                $0.idleDeadline = .seconds(2)
                $0.lingerDeadline = .milliseconds(20)
            }, handler: echo)
        defer { server.close() }
        let head = try await Wire.connect(server, sending: "GET / HTTP/1.1\r\nHo")
        let body = try await Wire.connect(
            server, sending: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        let idle = try await Wire.connect(server)
        #expect(await head.closes() && head.text.hasPrefix("HTTP/1.1 408 "))
        #expect(await body.closes() && body.text.hasPrefix("HTTP/1.1 408 "))
        #expect(await idle.closes() && idle.text.isEmpty)
        #expect(await eventually { server.connectionCount == 0 })
    }

    @Test @IO func `a handler that answers nothing is answered for`() async throws {
        let server = try server { _, _ in }
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await wire.has("HTTP/1.1 500 "))
    }

    @Test @IO func `one connection too many gets 503`() async throws {
        let server = try server({ $0.connections = 1 }, handler: echo)
        defer { server.close() }
        let first = try await Wire.connect(server)
        first.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await first.has("GET /1"))
        let second = try await Wire.connect(server)
        #expect(await second.closes())
        #expect(second.text.hasPrefix("HTTP/1.1 503 "))
        first.stream.close()
        #expect(await eventually { server.connectionCount == 0 })
    }

    @Test @IO func `HTTP 1.0 gets no chunks and its connection ends`() async throws {
        let server = try server { _, responder in
            responder.start()
            try? await responder.write(Array("pieces".utf8))
        }
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.send("GET / HTTP/1.0\r\n\r\n")
        #expect(await wire.closes())
        #expect(wire.text.hasSuffix("Connection: close\r\n\r\npieces"))
    }
}

extension String {
    func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }

    func range(of part: String) -> Range<Index>? { firstRange(of: part) }

    @Test @IO func `the connections of one client end, also where it does not read`() async throws {
        let release = Once<Void>()
        let server = try server { request, responder in
            responder.client = request.header("x-client")
            if request.path == "/wait" { await release.wait() }
            if request.path == "/large" {
                return responder.send(body: [UInt8](repeating: 0x20, count: 32 << 20))
            }
            await echo(request, responder)
        }
        defer { server.close() }
        func get(_ path: String, as client: String) async throws -> Wire {
            try await Wire.connect(
                server, sending: "GET \(path) HTTP/1.1\r\nHost: x\r\nX-Client: \(client)\r\n\r\n")
        }
        let idle = try await get("/", as: "ada")
        #expect(await idle.has("GET / "))
        let waiting = try await get("/wait", as: "ada")
        let stalled = try await get("/large", as: "ada")
        stalled.stream.pauseReading()
        let other = try await get("/wait", as: "bob")
        #expect(await eventually { server.connectionCount == 4 })
        let ending = IO.task { await server.end(client: "ada", grace: .milliseconds(300)) }
        #expect(await idle.closes())
        release.set(())
        // Its response still comes.
        #expect(await waiting.has("GET /wait "))
        #expect(await waiting.closes())
        await ending.value
        #expect(await eventually { server.connectionCount == 1 })
        #expect(await other.has("GET /wait "))
        #expect(!other.isClosed)
    }
}
