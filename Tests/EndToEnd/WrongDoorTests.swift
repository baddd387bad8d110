// Clients whose URL has the wrong scheme, or the wrong port: the client gets an answer that it can
// show, and the relay's log names the cause.
import Crypto
import Foundation
import JSON
import Loop
import Net
import Support
import Testing

@Suite struct WrongDoorTests {
    private func port(_ url: String) throws -> UInt16 {
        try #require(URL(string: url)?.port.flatMap(UInt16.init(exactly:)))
    }

    /// What a plain HTTP client gets at a port.
    private func plain(_ port: UInt16) async throws -> HTTPAnswer {
        try await HTTPAnswer.exchange(
            Array("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}".utf8),
            port: port, within: .seconds(10))
    }

    /// Why TLS with a public authority's trust fails at a port.
    @IO private func encrypted(_ port: UInt16) async throws -> NetError? {
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
        do throws(NetError) {
            let stream = try await TLSStream.handshake(
                over: socket,
                context: try TLSContext(client: .authorities(extraFile: nil), alpn: []),
                serverName: "localhost")
            stream.close()
            return nil
        } catch { return error }
    }

    @Test func `the log names a wrong scheme`() async throws {
        let home = try await Installation.start()
        let port = try port(home.url)
        let first = try #require(home.process("relay"))
        #expect(try await encrypted(port) != nil)
        var line = try await first.line(containing: "sent TLS to the MCP port")
        #expect(line.contains("http://") && line.contains("--tls-certificate"), "\(line)")
        // The agents' port, by its number.
        let agents = try self.port(home.tunnel)
        let stray = try await plain(agents)
        #expect(stray.status == 400)
        #expect(stray.text.contains("for agents") && stray.text.contains("--mcp"), "\(stray.text)")
        line = try await first.line(containing: "it sent plain HTTP")
        #expect(line.contains("--mcp"), "\(line)")
        // The command line shows what a port answers.
        let call = try RunningProcess(
            Repository.program("homeline-relay"),
            ["call", "--url", "http://127.0.0.1:\(agents)/mcp", "agent_list"])
        #expect(try await call.finished() == .exited(69))
        #expect(call.errors.contains("HTTP status 400: this port is for agents"), "\(call.errors)")
        #expect(await first.stop() == .exited(0))

        let made = try SelfSignedCertificate.generate(commonName: "localhost")
        let file = home.directory.file("tls.pem")
        try SecureFile.write(file, made.certificatePEM + made.keyPEM)
        try await home.startRelay(["--tls-certificate", file])
        let second = try #require(home.process("relay"))
        let answer = try await plain(port)
        #expect(answer.status == 400)
        #expect(answer.text.contains("https://"), "\(answer.text)")
        line = try await second.line(containing: "sent plain HTTP to the MCP port")
        #expect(line.contains("https://"), "\(line)")
        // A client that does not trust the certificate says so while it shakes hands.
        #expect(try await encrypted(port) != nil)
        _ = try await second.line(containing: "unknown ca")
        await home.stop()
    }
}
