// A visit to the relay, which `doctor` makes: what the relay says, and what that means with and
// without an agent that runs.
import Crypto
import Diagnosis
import JSON
import Loop
import Net
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_agent

@Suite @IO struct RelayVisitTests {
    private func visit(_ relay: TestRelay) async throws -> RelayGreeting.Verdict {
        let folder = try TemporaryDirectory("visit")
        let identity = Identity(
            key: try Identity.key(in: folder.path), addresses: [relay.url], pin: relay.pin,
            agentID: "id", name: "site")
        let stream = try await TLSStream.handshake(
            over: try await SocketStream.connect(
                host: "127.0.0.1", port: relay.address.port),
            context: try TLSContext(
                client: .pin(relay.pin), alpn: [Contract.applicationProtocol]),
            serverName: "127.0.0.1")
        return try await RelayVisit.answer(
            over: stream, identity: identity, within: .seconds(5)
        ) {}
    }

    @Test func `a welcome is refused before it counts, under an epoch below every agent's`()
        async throws
    {
        let relay = try TestRelay()
        let reply = Once<Reply?>()
        relay.meet = { peer in
            guard (try? await peer.greet()) != nil else { return reply.set(nil) }
            reply.set(await peer.ask(.welcome, Welcome(agentID: "id", name: "site").json))
        }
        guard case .welcome(let welcome) = try await visit(relay) else {
            return #expect(Bool(false), "not welcomed")
        }
        #expect(welcome.name == "site")
        guard case .fault(let fault)? = await reply.wait() else {
            return #expect(Bool(false), "the welcome was accepted")
        }
        #expect(fault.code == .unavailable)
        #expect(relay.peers.first?.hello?.epoch == Hello.Epoch(boot: 0, connection: 0))
        relay.kill()
    }

    @Test func `a relay that says nothing, or ends the connection, is an error in time`()
        async throws
    {
        let relay = try TestRelay()
        relay.meet = { peer in peer.tunnel.close() }
        await #expect(throws: UplinkError.self) { try await self.visit(relay) }
        relay.kill()
    }

    @Test func `each refusal means something else, and most where no agent runs`() {
        for (reason, isRunning, word) in [
            (.superseded, true, "ok"), (.superseded, false, "warning"), (.revoked, true, "fault"),
            (.unknown, false, "fault"), (.signature, false, "fault"), (.version, false, "fault"),
            (.unavailable, true, "fault"),
        ] as [(Refusal.Reason, Bool, String)] {
            let verdict = RelayChecks.refused(Refusal(reason, "why"), "1 ms", isRunning)
            #expect(verdict.word == word, "\(reason)")
        }
        #expect(RelayChecks.welcomed("site", false).word == "ok")
        let alone = RelayChecks.welcomed("site", true)
        #expect(alone.word == "warning" && alone.came.contains("is not connected"))
    }
}
