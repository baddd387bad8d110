// What an agent does when its relay's process says that it is ending.
import JSON
import Loop
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_agent

@Suite struct DrainTests {
    private func result(_ reply: Reply?) -> JSON? {
        if case .result(let result)? = reply { try? result.parsed() } else { nil }
    }

    private func drain(_ peer: TestRelay.Peer, _ after: Duration?, _ hasSuccessor: Bool) async {
        let call = Drain(retryAfter: after, hasSuccessor: hasSuccessor)
        #expect(result(await peer.ask(.drain, call.json)) == [:])
    }

    @Test @IO func `it dials a successor beside the connection, whose calls go on`() async throws {
        let relay = try TestRelay()
        let agent = try TestAgent()
        let gate = Once<Void>()
        agent.dispatcher.serve(.describe) { (_: NoArguments, _) in
            await gate.wait()
            return ["ok": true]
        }
        try agent.run(relay)
        UplinkCalls.serve(on: agent.dispatcher, try #require(agent.uplink))
        #expect(await holds { agent.log.last?.hasPrefix("connected") == true })
        let first = relay.peers[0]
        async let described = first.ask(.describe, [:])
        await drain(first, .milliseconds(300), true)
        #expect(await holds(within: .seconds(5)) { relay.peers.count == 2 })
        #expect(!first.tunnel.isClosed)
        // What is said again is not about the new connection.
        await drain(first, nil, false)
        gate.set(())
        #expect(result(await described) == ["ok": true])
        #expect(await holds { agent.log.filter { $0.hasPrefix("connected") }.count == 2 })
        first.tunnel.drain()
        #expect(await holds { first.tunnel.isClosed })
        let second = relay.peers[1]
        #expect(result(await second.ask(.describe, [:])) == ["ok": true])
        #expect(relay.dials == 2)
        await agent.uplink?.stop()
    }

    @Test @IO func `it dials at the time that the relay gave, after the connection has ended`()
        async throws
    {
        let relay = try TestRelay()
        let agent = try TestAgent()
        try agent.run(relay)
        UplinkCalls.serve(on: agent.dispatcher, try #require(agent.uplink))
        #expect(await holds { agent.log.last?.hasPrefix("connected") == true })
        let first = relay.peers[0]
        await drain(first, .seconds(1), false)
        #expect(await !holds(within: .milliseconds(1200)) { relay.dials > 1 })
        first.tunnel.drain()
        let end = IO.now
        #expect(await holds(within: .seconds(5)) { relay.dials == 2 })
        #expect(IO.now - end >= .milliseconds(950))
        await agent.uplink?.stop()
    }

    @Test @IO func `waits for output end, and steps do not`() async throws {
        let dispatcher = Dispatcher()
        let condition = Condition()
        var steps = 0
        dispatcher.serve(.describe) { (_: NoArguments, _) in
            await condition.wait(until: IO.now + .seconds(20), asAsked: true) { false }
            steps += 1
            await condition.wait(until: IO.now + .milliseconds(100)) { false }
            return ["ok": true]
        }
        let request = Request(.describe, caller: .relay, arguments: RawJSON([:])).encoded()
        async let answer = dispatcher.answer(request)
        try await IO.sleep(for: .milliseconds(50))
        let start = IO.now
        dispatcher.endWaits()
        #expect(result(Reply(decoding: await answer)) == ["ok": true])
        #expect(steps == 1 && (Duration.milliseconds(95)...(.seconds(5))).contains(IO.now - start))
    }

    @Test @IO func `what a relay of another release says besides is ignored`() async throws {
        let relay = try TestRelay()
        relay.meet = { peer in
            guard (try? await peer.greet()) != nil else { return }
            let welcome: JSON = ["agent_id": "id", "name": "site", "later": [["a": 1]]]
            _ = await peer.ask(.welcome, welcome)
        }
        let agent = try TestAgent()
        agent.dispatcher.serve(.describe) { (_: NoArguments, _) in ["ok": true] }
        try agent.run(relay)
        #expect(await holds { agent.log.last?.hasPrefix("connected") == true })
        let peer = relay.peers[0]
        #expect(result(await peer.ask(.describe, ["later": true])) == ["ok": true])
        let raw =
            #"{"jsonrpc":"2.0","id":1,"later":1,"method":"agent.later","params":"#
            + #"{"principal":"relay","reach":[],"later":{},"arguments":{}}}"#
        let bytes = try await peer.tunnel.call(Array(raw.utf8))
        guard case .fault(let fault) = Reply(decoding: bytes) else {
            Issue.record("an unknown call was served")
            return
        }
        #expect(fault.code == .unknownMethod)
        await agent.uplink?.stop()
    }

    @Test @IO func `a process that ends hurries the calls that it made, and no others`()
        async throws
    {
        let relay = try TestRelay()
        let agent = try TestAgent()
        agent.dispatcher.serve(.describe) { (_: NoArguments, _) in
            await Condition().wait(until: IO.now + .seconds(20), asAsked: true) { false }
            return ["ok": true]
        }
        try agent.run(relay)
        UplinkCalls.serve(on: agent.dispatcher, try #require(agent.uplink))
        #expect(await holds { agent.log.last?.hasPrefix("connected") == true })
        let first = relay.peers[0]
        let (early, late) = (Once<JSON?>(), Once<JSON?>())
        IO.task { early.set(self.result(await first.ask(.describe, [:]))) }
        try await IO.sleep(for: .milliseconds(50))
        await drain(first, .milliseconds(300), true)
        #expect(await holds(within: .seconds(5)) { relay.peers.count == 2 })
        #expect(await holds { agent.log.filter { $0.hasPrefix("connected") }.count == 2 })
        #expect(early.value == nil)
        let second = relay.peers[1]
        IO.task { late.set(self.result(await second.ask(.describe, [:]))) }
        try await IO.sleep(for: .milliseconds(100))
        await drain(first, nil, false)
        #expect(await early.wait() == ["ok": true])
        try await IO.sleep(for: .milliseconds(100))
        #expect(late.value == nil)
        await drain(second, nil, false)
        #expect(await late.wait() == ["ok": true])
        await agent.uplink?.stop()
    }
}
