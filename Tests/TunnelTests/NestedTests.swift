// TLS and a tunnel go over any stream, here one of another tunnel: what a way station needs.
import Crypto
import Loop
import Net
import Support
import Testing

@testable import Tunnel

@Suite(.timeLimit(.minutes(1))) struct NestedTests {
    @Test @IO func `a tunnel runs over TLS over a stream of a tunnel`() async throws {
        let outer = try await Ends()
        defer { outer.close() }
        let made = try SelfSignedCertificate.generate(commonName: "inner")
        let server = try TLSContext(
            serverCertificate: made.certificatePEM, key: made.keyPEM, alpn: ["inner/1"])
        let client = try TLSContext(
            client: .pin(PublicKeyPin(certificatePEM: made.certificatePEM)), alpn: ["inner/1"])
        let arrived = Once<TunnelStream>()
        outer.agent.onStream = {
            arrived.set($0)
            return .accepted(offset: 0)
        }
        let near = try outer.relay.open("inner")
        let far = await arrived.wait()
        let accept = IO.task { try? await TLSStream.handshake(over: far, context: server) }
        let there = try await TLSStream.handshake(
            over: near, context: client, serverName: "inner")
        let here = try #require(await accept.value)
        #expect(there.applicationProtocol == "inner/1")
        let relay = Tunnel(over: there, role: .caller, limits: TunnelLimits())
        let agent = Tunnel(over: here, role: .responder, limits: TunnelLimits())
        agent.onCall = { $0.reversed() }
        for size in [0, 1, 16_384, 1_000_000] {
            let body = pattern(size)
            #expect(try await relay.call(body) == body.reversed())
        }
        let closed = Once<String>()
        agent.onClose = { closed.set($0) }
        relay.close()
        #expect(await IO.within(.seconds(10)) { await closed.wait() } != nil)
    }
}
