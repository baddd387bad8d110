import Loop
import Net
import Support
import Testing

@testable import HTTP

@Suite struct ClientTests {
    @IO private func makeClient(_ server: HTTPServer) -> HTTPClient {
        HTTPClient(host: "127.0.0.1", port: server.address?.port ?? 0)
    }

    @Test @IO func `one connection serves one request after another`() async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        let client = makeClient(server)
        for number in 0..<200 {
            let body = [UInt8](repeating: 0x61, count: number * 331)
            let answer = try await client.post("/p", headers: ["X": "y"], body: body)
            #expect(answer.status == 200)
            #expect(answer.header("CONTENT-type") == "text/plain")
            #expect(answer.body.count == body.count + 8)
        }
        #expect(try await client.send("HEAD", "/h").body.isEmpty)
        #expect(server.connectionCount == 1)
        client.close()
        #expect(await eventually { server.connectionCount == 0 })
    }

    @Test @IO func `many requests at once each get their own answer`() async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        let client = makeClient(server)
        let tasks = (0..<64).map { number in
            IO.task { () async -> Bool in
                for round in 0..<20 {
                    let body = Array("\(number) \(round)".utf8)
                    let answer = try? await client.post("/", body: body)
                    guard answer?.body == Array("POST / ".utf8) + body else { return false }
                }
                return true
            }
        }
        for task in tasks { #expect(await task.value) }
        #expect(server.connectionCount <= 64)
    }

    @Test @IO func `a body of megabytes comes back whole`() async throws {
        let server = try server(handler: echo)
        defer { server.close() }
        var limits = HTTPLimits()
        limits.bodyBytes = 5 << 20
        let client = HTTPClient(
            host: "127.0.0.1", port: server.address?.port ?? 0, limits: limits)
        let body = pattern(4_000_000)
        #expect(try await client.post("/", body: body).body == Array("POST / ".utf8) + body)
        let small = HTTPClient(host: "127.0.0.1", port: server.address?.port ?? 0)
        let refused = try await small.post("/", body: [UInt8](repeating: 1, count: (4 << 20) + 1))
        #expect(refused.status == 413)
    }

    /// A line of the head, or of a chunk's length, every 50 ms.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a",
    ])
    @IO func `what comes slowly does not put the deadline off`(start: String) async throws {
        let listener = try Listener.tcp(
            try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        ) { socket in
            socket.onData = { _ in
                IO.task {
                    socket.write(Array(start.utf8))
                    while !socket.isClosed {
                        socket.write(Array((start.hasSuffix("a") ? "a" : "A: b\r\n").utf8))
                        try? await IO.sleep(for: .milliseconds(50))
                    }
                }
            }
        }
        defer { listener.close() }
        let client = HTTPClient(host: "127.0.0.1", port: listener.address?.port ?? 0)
        let begin = IO.now
        await #expect(throws: HTTPError.timedOut) {
            try await client.get("/", deadline: .seconds(1))
        }
        #expect(IO.now - begin < .seconds(3))
    }

    @Test @IO func `a deadline ends the wait, and cancelling ends it at once`() async throws {
        var cancelled = 0
        let server = try server { _, _ in
            try? await IO.sleep(for: .seconds(60))
            if Task.isCancelled { cancelled += 1 }
        }
        defer { server.close() }
        let client = makeClient(server)
        await #expect(throws: HTTPError.timedOut) {
            try await client.get("/", deadline: .seconds(2))
        }
        #expect(await eventually { cancelled == 1 })
        let task = IO.task { () async -> HTTPError? in
            do throws(HTTPError) {
                _ = try await client.get("/")
                return nil
            } catch {
                return error
            }
        }
        #expect(await eventually { server.connectionCount == 1 })
        task.cancel()
        #expect(await task.value == .closed)
        #expect(await eventually { cancelled == 2 || server.connectionCount == 0 })
    }

    @Test @IO func `an event stream that is dropped closes its connection`() async throws {
        let server = try server { _, responder in
            responder.start()
            try? await responder.write([1])
            try? await IO.sleep(for: .seconds(60))
        }
        defer { server.close() }
        let client = makeClient(server)
        var stream: HTTPResponseStream? = try await client.open("GET", "/")
        #expect(try await stream?.next() == [1])
        #expect(server.connectionCount == 1)
        stream = nil
        #expect(await eventually { server.connectionCount == 0 })
    }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", nil, HTTPError.closed),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", nil, .closed),
            ("", nil, .closed), ("SSH-2.0-OpenSSH_9.2\r\n", nil, .malformedResponse),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx", nil, .malformedResponse),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "a",
                nil
            ),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end", nil),
            ("HTTP/1.1 204 No Content\r\n\r\n", "", nil),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "a", nil),
        ] as [(String, String?, HTTPError?)])
    @IO func `a response is taken whole or not at all`(
        text: String, body: String?, failure: HTTPError?
    ) async throws {
        let listener = try Listener.tcp(loopback) { stream in
            stream.onData = { [unowned stream] _ in
                stream.write(Array(text.utf8))
                stream.finish()
            }
        }
        defer { listener.close() }
        let client = HTTPClient(host: "127.0.0.1", port: listener.address?.port ?? 0)
        do throws(HTTPError) {
            let answer = try await client.get("/", deadline: .seconds(50))
            #expect(String(decoding: answer.body, as: UTF8.self) == body)
        } catch {
            #expect(error == failure)
        }
    }

    @Test @IO func `nobody there is told plainly`() async throws {
        let listener = try Listener.tcp(loopback) { $0.close() }
        let port = listener.address?.port ?? 0
        listener.close()
        do throws(HTTPError) {
            _ = try await HTTPClient(host: "127.0.0.1", port: port).get("/")
            Issue.record("nothing listens")
        } catch {
            #expect(error.description.hasPrefix("cannot connect: "))
        }
    }
}
