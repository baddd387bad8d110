// The relay's one request for a stranger, against servers that mean it ill. The servers are on
// loopback; which addresses may be dialled, their authority and their port are the test's.
import Crypto
import HTTP
import JSON
import Loop
import Net
import Support
import Testing

@testable import homeline_relay

@IO @Suite struct DocumentFetchTests {
    /// A site with a certificate for `client.example`; `answer` has its connections answered.
    @IO final class Site {
        let folder: TemporaryDirectory
        let listener: Listener
        let file: String
        /// Connections so far.
        let visits = Box(0)

        init(_ answer: @escaping @IO @Sendable (TLSStream) -> Void) throws {
            let made = try SelfSignedCertificate.generate(commonName: "client.example")
            folder = try TemporaryDirectory("site")
            file = try folder.write(String(decoding: made.certificatePEM, as: UTF8.self), to: "ca")
            let context = try TLSContext(
                serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["http/1.1"])
            let visits = visits
            listener = try Listener.tcp(
                try #require(SocketAddress(ip: "127.0.0.1", port: 0))
            ) { socket in
                visits.withLock { $0 += 1 }
                IO.task {
                    guard
                        let stream = try? await TLSStream.handshake(over: socket, context: context)
                    else { return }
                    stream.onData = { _ in answer(stream) }
                }
            }
        }

        isolated deinit { listener.close() }

        var fetch: DocumentFetch {
            var fetch = DocumentFetch()
            fetch.allows = { _ in true }
            fetch.trust = .authorities(extraFile: file)
            fetch.port = listener.address?.port ?? 0
            fetch.resolve = { _, port in
                [SocketAddress(ip: "127.0.0.1", port: port)].compactMap(\.self)
            }
            return fetch
        }
    }

    private static let url = "https://client.example/oauth"

    /// A site that answers each request with a head and a body.
    private func site(
        _ body: String = "{}", status: String = "200 OK",
        headers: String = "Content-Type: application/json\r\n"
    ) throws -> Site {
        try Site { stream in
            let head = "HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n"
            stream.write(Array((head + body).utf8))
        }
    }

    private func failure(_ fetch: DocumentFetch, _ url: String = url) async -> String? {
        do throws(OAuthError) {
            _ = try await fetch(url)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func `a document is fetched, and kept as its server says within bounds`() async throws {
        let body =
            #"{"client_id":"https://client.example/oauth","redirect_uris":["https://b.example/"]}"#
        let site = try site(
            body, headers: "Content-Type: application/json\r\nCache-Control: max-age=600\r\n")
        let answer = try await site.fetch(Self.url)
        #expect(answer.lifetime == 600)
        let clock = Box<Int64>(0)
        let documents = ClientDocuments(site.fetch, now: { clock.withLock { $0 } })
        #expect(try await documents.client(Self.url, for: "p").name == "client.example")
        clock.withLock { $0 = 599 }
        _ = try await documents.client(Self.url, for: "p")
        #expect(site.visits.withLock { $0 } == 2)
        clock.withLock { $0 = 600 }
        _ = try await documents.client(Self.url, for: "p")
        #expect(site.visits.withLock { $0 } == 3)
    }

    @Test func `many who ask for one document at once are one request`() async throws {
        let body =
            #"{"client_id":"https://client.example/oauth","redirect_uris":["https://b.example/"]}"#
        let site = try site(body)
        let documents = ClientDocuments(site.fetch, now: { 0 })
        let tasks = (0..<20).map { number in
            IO.task { (try? await documents.client(Self.url, for: "p\(number % 3)")) != nil }
        }
        #expect(await IO.values(of: tasks).allSatisfy { $0 })
        #expect(site.visits.withLock { $0 } == 1)
    }

    /// Where a name leads is judged as it is dialled.
    @Test(arguments: [
        "127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1", "192.31.196.1",
        "192.52.193.1", "192.175.48.1", "2620:4f:8000::1",
    ])
    func `a name that leads inside is not dialled`(inner: String) async throws {
        let site = try site()
        var fetch = site.fetch
        fetch.allows = { $0.isPublic }
        fetch.resolve = { _, port in [SocketAddress(ip: inner, port: port)].compactMap(\.self) }
        #expect(await failure(fetch)?.contains("not on the public Internet") == true)
        // Nor one that leads to both.
        fetch.resolve = { _, port in
            [SocketAddress(ip: "8.8.8.8", port: port), SocketAddress(ip: inner, port: port)]
                .compactMap(\.self)
        }
        #expect(await failure(fetch)?.contains("not on the public Internet") == true)
        #expect(site.visits.withLock { $0 } == 0)
        let real = DocumentFetch()
        for url in ["https://127.0.0.1/x", "https://169.254.169.254/x", "https://0x7f.1/x"] {
            #expect(await failure(real, url) != nil)
        }
    }

    /// A name that rebinds has another address each time: there is one look-up, and its address is
    /// dialled.
    @Test func `a name that rebinds is looked up once`() async throws {
        let site = try site(#"{"client_id":"x","redirect_uris":["https://b.example/"]}"#)
        let lookups = Box(0)
        var fetch = site.fetch
        let port = fetch.port
        fetch.allows = { $0.port == port }
        fetch.resolve = { _, port in
            let count = lookups.withLock { count in
                count += 1
                return count
            }
            return [SocketAddress(ip: "127.0.0.1", port: count == 1 ? port : 1)].compactMap(\.self)
        }
        _ = try await fetch(Self.url)
        #expect(lookups.withLock { $0 } == 1)
    }

    @Test(arguments: [
        ("301 Moved Permanently", "Location: https://client.example/oauth\r\n"),
        ("302 Found", "Location: https://169.254.169.254/\r\n"), ("404 Not Found", ""),
        ("204 No Content", ""), ("500 Internal Server Error", ""),
    ])
    func `no redirect is followed, and nothing but 200 counts`(
        status: String, headers: String
    ) async throws {
        let site = try site(status: status, headers: headers)
        #expect(await failure(site.fetch)?.contains("but the status") == true)
        #expect(site.visits.withLock { $0 } == 1)
    }

    @Test func `what is not JSON, or not of this host, is no document`() async throws {
        let page = try site("<html>", headers: "Content-Type: text/html\r\n")
        #expect(await failure(page.fetch)?.contains("does not give JSON") == true)
        let site = try site()
        #expect(await failure(site.fetch, "https://other.example/oauth") != nil)
        var fetch = site.fetch
        fetch.trust = .authorities(extraFile: nil)
        #expect(await failure(fetch) != nil)
        fetch.resolve = { _, _ in [] }
        #expect(await failure(fetch)?.contains("does not resolve") == true)
    }

    /// 1 GiB, announced and not, and a head without end.
    @Test(
        arguments: [
            (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 1073741824\r\n\r\n",
                HTTPError.tooLarge
            ),
            ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", .tooLarge),
            // A head beyond its limit is no head.
            ("HTTP/1.1 200 OK\r\nX: ", .malformedResponse),
        ] as [(String, HTTPError)])
    func `a document without end is given up`(head: String, reason: HTTPError) async throws {
        let sent = Box(0)
        let site = try Site { stream in
            stream.write(Array(head.utf8))
            IO.task {
                let piece = [UInt8](repeating: 0x61, count: 64 << 10)
                while !stream.isClosed, sent.withLock({ $0 }) < 1 << 30 {
                    if stream.unsent < 1 << 20 {
                        stream.write(piece)
                        sent.withLock { $0 += piece.count }
                    }
                    await Task.yield()
                }
            }
        }
        #expect(await failure(site.fetch)?.hasSuffix("gives no document: \(reason)") == true)
        #expect(sent.withLock { $0 } < 64 << 20)
    }

    @Test func `a document that comes slowly, or not at all, is given up in time`() async throws {
        let slow = try Site { stream in
            stream.write(Array("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n".utf8))
            IO.task {
                while !stream.isClosed {
                    stream.write(Array("X: y\r\n".utf8))
                    try? await IO.sleep(for: .milliseconds(200))
                }
            }
        }
        let silent = try Site { _ in }
        var hanging = silent.fetch
        hanging.resolve = { _, _ in
            try? await IO.sleep(for: .seconds(60))
            return []
        }
        let (one, two, three) = (slow.fetch, silent.fetch, hanging)
        let start = IO.now
        let tasks = [one, two, three].map { fetch in IO.task { await self.failure(fetch) != nil } }
        #expect(await IO.values(of: tasks).allSatisfy { $0 })
        #expect(IO.now - start < DocumentFetch.patience + .seconds(2))
    }
}
