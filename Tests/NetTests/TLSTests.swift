import COpenSSL
import Crypto
import Loop
import Support
import Testing

@testable import Net

/// Leaves an error in the thread's queue, as libssh2 does when a key does not parse.
enum OpenSSLErrors {
    static func leaveOne() {
        let bio = BIO_new_mem_buf("no key", 6)
        _ = PEM_read_bio_PrivateKey(bio, nil, nil, nil)
        BIO_free(bio)
    }
}

@Suite struct `TLS` {
    @IO final class Server {
        let listener: Listener
        let port: UInt16
        let pin: PublicKeyPin
        let accepted: Accepted

        @IO final class Accepted {
            var streams: [TLSStream] = []
            var errors: [NetError] = []
        }

        init(alpn: [String] = ["homeline/1"]) throws {
            let made = try SelfSignedCertificate.generate(commonName: "localhost")
            pin = try PublicKeyPin(certificatePEM: made.certificatePEM)
            let context = try TLSContext(
                serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: alpn)
            let accepted = Accepted()
            self.accepted = accepted
            listener = try Listener.tcp(loopback) { socket in
                IO.task {
                    do throws(NetError) {
                        let stream = try await TLSStream.handshake(over: socket, context: context)
                        accepted.streams.append(stream)
                        stream.onData = { [unowned stream] in stream.write($0) }
                    } catch {
                        accepted.errors.append(error)
                    }
                }
            }
            port = listener.address?.port ?? 0
        }

        func connect(_ trust: TLSContext.Trust, alpn: [String] = ["homeline/1"]) async throws
            -> TLSStream
        {
            let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
            let context = try TLSContext(client: trust, alpn: alpn)
            return try await TLSStream.handshake(
                over: socket, context: context, serverName: "localhost")
        }
    }

    /// A listener may close a socket before the task runs that would do its handshake.
    @Test(arguments: [true, false]) @IO func `a handshake over a closed stream ends at once`(
        asServer: Bool
    ) async throws {
        let server = try Server()
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: server.port)
        socket.close()
        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        let context =
            asServer
            ? try TLSContext(serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: [])
            : try TLSContext(client: .pin(server.pin), alpn: [])
        let ended = await IO.within(.seconds(5)) { () -> Bool in
            (try? await TLSStream.handshake(
                over: socket, context: context, serverName: asServer ? nil : "x",
                deadline: .seconds(1))) == nil
        }
        #expect(ended == true)
        server.listener.close()
    }

    @Test @IO func `a server asks whether to begin when it hears from the peer`() async throws {
        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: [])
        let asked = Once<Void>()
        let refused = Once<NetError?>()
        let listener = try Listener.tcp(loopback) { socket in
            IO.task {
                do throws(NetError) {
                    _ = try await TLSStream.handshake(over: socket, context: context) {
                        asked.set(())
                        return false
                    }
                    refused.set(nil)
                } catch {
                    refused.set(error)
                }
            }
        }
        let port = try #require(listener.address?.port)
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
        try await IO.sleep(for: .milliseconds(20))
        #expect(asked.value == nil)
        socket.write([22, 3, 1])
        let error = await IO.within(.seconds(5)) { await refused.wait() }
        let said = error??.description
        #expect(said?.contains("too many TLS handshakes") == true)
        listener.close()
    }

    @Test @IO func `a pinned client echoes over TLS and both ends share keying material`()
        async throws
    {
        let server = try Server()
        let client = try await server.connect(.pin(server.pin))
        let probe = Probe(client)
        let sent = pattern(2_000_000)
        client.write(sent)
        #expect(await probe.until { probe.bytes.count == sent.count })
        #expect(probe.bytes == sent)
        #expect(client.applicationProtocol == "homeline/1")
        let ours = client.exportKeyingMaterial(label: "EXPORTER-test", count: 32)
        let theirs = server.accepted.streams.first?.exportKeyingMaterial(
            label: "EXPORTER-test", count: 32)
        #expect(ours != nil && ours == theirs)
        client.close()
    }

    @Test @IO func `a server with another key is refused before a byte passes`() async throws {
        let server = try Server()
        let other = try SelfSignedCertificate.generate(commonName: "localhost")
        let pin = try PublicKeyPin(certificatePEM: other.certificatePEM)
        await #expect(throws: NetError.self) { try await server.connect(.pin(pin)) }
    }

    @Test @IO func `a self-signed server is refused by a client of public authorities`()
        async throws
    {
        let server = try Server()
        await #expect(throws: NetError.self) {
            try await server.connect(.authorities(extraFile: nil))
        }
    }

    @Test @IO func `an error that another user of OpenSSL left behind harms no stream`()
        async throws
    {
        let server = try Server()
        let client = try await server.connect(.pin(server.pin))
        let probe = Probe(client)
        for index in UInt8(0)..<20 {
            OpenSSLErrors.leaveOne()
            client.write([index])
            #expect(await probe.until { probe.bytes.count == Int(index) + 1 || probe.closed })
        }
        #expect(!probe.closed)
        client.close()
    }

    @Test @IO func `an unknown ALPN protocol is refused`() async throws {
        let server = try Server()
        await #expect(throws: NetError.self) {
            try await server.connect(.pin(server.pin), alpn: ["other/1"])
        }
        let probe = Probe(try await SocketStream.connect(host: "127.0.0.1", port: server.port))
        #expect(await probe.until { !server.accepted.errors.isEmpty })
    }

    @Test @IO func `garbage in place of a handshake ends the connection and harms nobody`()
        async throws
    {
        let server = try Server()
        let raw = try await SocketStream.connect(host: "127.0.0.1", port: server.port)
        let probe = Probe(raw)
        raw.write(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(await probe.until { probe.closed })
        let client = try await server.connect(.pin(server.pin))
        let echo = Probe(client)
        client.write([1, 2, 3])
        #expect(await echo.until { echo.bytes == [1, 2, 3] })
        client.close()
    }

    @Test @IO func `a silent peer ends the handshake at its deadline`() async throws {
        let listener = try Listener.tcp(loopback) { _ in }
        let port = try #require(listener.address?.port)
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let context = try TLSContext(client: .authorities(extraFile: nil), alpn: [])
        await #expect(throws: NetError.self) {
            try await TLSStream.handshake(
                over: socket, context: context, serverName: "x", deadline: .milliseconds(50))
        }
    }
}
