// What the doctor concludes from what answers at the relay's URL: values alone.
import Crypto
import Diagnosis
import Loop
import Net
import Support
import Testing

@testable import homeline_relay

@Suite struct DoctorVerdictTests {
    @Test(arguments: [
        (401, true, "ok", "asks for a token"), (400, false, "ok", "lets this machine's"),
        (400, true, "fault", "something else"), (200, false, "fault", "something else"),
        (404, true, "fault", "something else"), (403, true, "fault", "this name"),
        (421, true, "fault", "this name"), (502, true, "fault", "a proxy answers"),
    ])
    @IO func `a page's status shows who answers`(
        _ status: Int, _ needsToken: Bool, _ word: String, _ came: String
    ) {
        let verdict = EntranceChecks.judge(page: status, needsToken: needsToken)
        #expect(verdict.word == word)
        #expect(verdict.came.contains(came), "\(verdict)")
    }

    /// No machine has the address 203.0.113.9: it is kept for documents (RFC 5737).
    @Test(arguments: [
        (["127.0.0.1"], "ok"), (["203.0.113.9"], "fault"), (["203.0.113.9", "127.0.0.1"], "ok"),
        (["127.0.0.1", "203.0.113.9"], "ok"), (["203.0.113.9", "taken"], "fault"),
    ])
    @IO func `an address that the machine lacks is left out, as the relay does`(
        _ hosts: [String], _ word: String
    ) throws {
        let listener = try Listener.tcp(try #require(SocketAddress(ip: "127.0.0.1", port: 0))) {
            _ in
        }
        defer { listener.close() }
        let addresses = try hosts.map { host in
            try #require(
                host == "taken" ? listener.address : SocketAddress(ip: host, port: 0))
        }
        #expect(EntranceChecks.verdict(on: addresses).word == word)
    }

    /// Whose name and key the server's certificate has, and what the doctor makes of that.
    @Test(
        .needs(.localhost),
        arguments: [
            ("localhost", true, "warning"), ("other.example", true, "mismatch"),
            ("localhost", false, "not trusted"),
        ])
    @IO func `the relay's own certificate is right, also where no authority vouches for it`(
        _ name: String, _ isOwn: Bool, _ outcome: String
    ) async throws {
        let folder = try TemporaryDirectory("own")
        let made = try SelfSignedCertificate.generate(commonName: name)
        let other = try SelfSignedCertificate.generate(commonName: name)
        let chain = folder.file("own.pem")
        try SecureFile.write(chain, (isOwn ? made : other).certificatePEM)
        let context = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["http/1.1"])
        let listener = try Listener.tcp(try #require(SocketAddress(ip: "127.0.0.1", port: 0))) {
            socket in IO.task { _ = try? await TLSStream.handshake(over: socket, context: context) }
        }
        defer { listener.close() }
        let web = WebTrust(chain: chain)
        let port = try #require(listener.address?.port)
        do throws(NetError) {
            try await web.open("localhost", port, .seconds(5), allowsTLS12: true).close()
            let verdict = web.judged(.ok("well"))
            #expect(verdict.word == outcome && verdict.came.hasPrefix("well"))
            if case .warning(_, let advice) = verdict { #expect(advice.contains("RelayCA")) }
        } catch {
            #expect("\(error)".contains(outcome), "\(error)")
        }
        // Without a certificate of its own the relay cannot tell whose this is.
        await #expect(throws: NetError.self) {
            try await WebTrust(chain: nil).open("localhost", port, .seconds(5), allowsTLS12: true)
        }
    }
}
