import Loop
import Net
import Testing

@testable import HTTP

@Suite struct StreamingTests {
    @Test @IO func `events arrive one by one, and the connection is used again`() async throws {
        var responder: HTTPResponder?
        let server = try server { request, answer in
            guard request.path == "/events" else { return await echo(request, answer) }
            answer.start(headers: ["Content-Type": "text/event-stream"])
            responder = answer
            for number in 1...3 {
                try? await answer.write(SSEEvent(id: "\(number)", data: Array("n\(number)".utf8)))
                try? await IO.sleep(for: .milliseconds(5))
            }
        }
        defer { server.close() }
        let client = HTTPClient(host: "127.0.0.1", port: server.address?.port ?? 0)
        let stream = try await client.open("GET", "/events")
        #expect(stream.head.header("content-type") == "text/event-stream")
        var parser = SSEParser()
        var events: [SSEEvent] = []
        while let piece = try await stream.next(deadline: .seconds(5)) {
            events += try parser.feed(piece)
        }
        #expect(events.map(\.id) == ["1", "2", "3"])
        #expect(responder?.isDisconnected == false)
        #expect(try await client.get("/again").body == Array("GET /again ".utf8))
        #expect(server.connectionCount == 1)
    }

    @Test @IO func `a client that leaves cancels its handler`() async throws {
        var cancelled = false
        var told = 0
        var started = false
        let server = try server { _, responder in
            responder.onDisconnect = { told += 1 }
            started = true
            try? await IO.sleep(for: .seconds(60))
            cancelled = Task.isCancelled
            #expect(responder.isDisconnected)
            responder.send(body: [1])
        }
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await eventually { started })
        wire.stream.close()
        #expect(await eventually { cancelled })
        #expect(told == 1)
        #expect(server.connectionCount == 0)
    }

    @Test @IO func `a writer waits for a slow client, and is freed when it leaves`() async throws {
        var written = 0
        var failure: HTTPError?
        let server = try server { _, responder in
            responder.start()
            let chunk = [UInt8](repeating: 65, count: 100_000)
            do throws(HTTPError) {
                for _ in 0..<1000 {
                    try await responder.write(chunk)
                    written += chunk.count
                }
            } catch {
                failure = error
            }
        }
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.stream.pauseReading()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await eventually { written > 0 })
        var last = -1
        while written != last {
            last = written
            try await IO.sleep(for: .milliseconds(50))
        }
        // What the kernel buffers, and no more.
        #expect(written < 30_000_000)
        var received = 0
        wire.stream.onData = { received += $0.count }
        wire.stream.resumeReading()
        #expect(await eventually { received > last + 5_000_000 })
        wire.stream.close()
        #expect(await eventually { failure == .closed })
    }

    @Test @IO func `a client that never reads is given up`() async throws {
        var failure: HTTPError?
        let server = try server({ $0.writeDeadline = .milliseconds(40) }) { _, responder in
            responder.start()
            let chunk = [UInt8](repeating: 65, count: 70_000)
            do throws(HTTPError) {
                while true { try await responder.write(chunk) }
            } catch {
                failure = error
            }
        }
        defer { server.close() }
        let wire = try await Wire.connect(server)
        wire.stream.pauseReading()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await eventually { failure != nil })
        wire.stream.close()
    }

    @Test @IO func `shutdown lets requests finish and closes the rest`() async throws {
        let release = Flag()
        var started = false
        let server = try server { request, responder in
            started = true
            while !release.isSet, !Task.isCancelled { try? await IO.sleep(for: .milliseconds(2)) }
            await echo(request, responder)
        }
        let idle = try await Wire.connect(server)
        let busy = try await Wire.connect(server)
        busy.send("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await eventually { started && server.connectionCount == 2 })
        let ended = IO.task { await server.shutdown(grace: .seconds(20)) }
        #expect(await idle.closes())
        release.isSet = true
        #expect(await busy.has("GET /busy"))
        #expect(busy.text.contains("Connection: close"))
        await ended.value
        #expect(server.connectionCount == 0)
    }

    @Test @IO func `shutdown cancels what outlasts its grace`() async throws {
        var (started, cancelled) = (false, false)
        let server = try server { _, responder in
            started = true
            try? await IO.sleep(for: .seconds(60))
            cancelled = Task.isCancelled
            responder.send()
        }
        let wire = try await Wire.connect(server)
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await eventually { started })
        await server.shutdown(grace: .milliseconds(30))
        #expect(await wire.closes())
        #expect(await eventually { cancelled })
    }
}
