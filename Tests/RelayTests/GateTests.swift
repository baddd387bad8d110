// Who comes through the gate, who does not, and what each is told.
import Crypto
import JSON
import Loop
import Net
import Support
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct GateTests {
    private func refusal(_ agent: Agent) async -> Refusal.Reason? {
        guard case .refused(let refusal) = await agent.verdict.wait() else { return nil }
        #expect(!refusal.message.isEmpty)
        _ = await agent.ended.wait()
        return refusal.reason
    }

    @Test @IO func `an invited agent joins, and comes back with its key`() async throws {
        let house = try await House()
        let key = try Ed25519PrivateKey.generate()
        let secret = try await house.store.createInvitation(
            tags: ["lab"], purpose: "jump box", lifetime: .seconds(60)
        ).secret
        let joining = Agent(try await house.dial())
        joining.greet = { [unowned joining] challenge in
            var hello = try joining.hello(key, challenge)
            hello.invitation = Base64.encodeURL(secret)
            hello.name = "site"
            hello.tags = ["eu"]
            return hello
        }
        guard case .welcomed(let welcome) = await joining.verdict.wait() else {
            Issue.record("refused: \(house.log)")
            return
        }
        #expect(welcome.name == "site")
        #expect(await until { house.fleet.all.first?.connection != nil })
        let record = try #require(house.fleet.all.first?.record)
        #expect(record.id == welcome.agentID && record.tags == ["lab"] && record.ownTags == ["eu"])
        #expect(!house.log.contains { $0.contains("asked for") }, "\(house.log)")
        #expect(record.purpose == "jump box" && record.publicKey == key.publicKey.bytes)
        joining.close()
        #expect(await until { house.fleet.all.first?.connection == nil })

        let back = try await house.connect(
            Joined(key: key, record: record), epoch: .init(boot: 2, connection: 1))
        #expect(await back.verdict.wait() == .welcomed(welcome))
        #expect(await until { house.fleet.all.first?.connection != nil })
        let member = try #require(house.fleet.agent(named: "site"))
        let answer = try await house.fleet.call(
            member, .describe, caller: Caller(id: "p", reach: Caller.everywhere),
            arguments: RawJSON([:]),
            deadline: .seconds(30))
        #expect(answer.result == RawJSON(["ok": true]))
        house.close()
    }

    @Test @IO func `the log says which name an agent asked for and did not get`() async throws {
        let house = try await House()
        _ = try await house.store.createToken(name: "dba", scopes: [], pattern: "vault*/db")
        let secret = try await house.store.createInvitation(lifetime: .seconds(60)).secret
        let joining = Agent(try await house.dial())
        joining.greet = { [unowned joining] challenge in
            var hello = try joining.hello(try Ed25519PrivateKey.generate(), challenge)
            hello.invitation = Base64.encodeURL(secret)
            hello.name = "vault-db"
            return hello
        }
        guard case .welcomed(let welcome) = await joining.verdict.wait() else {
            Issue.record("refused: \(house.log)")
            return
        }
        #expect(welcome.name.hasPrefix("agent-"))
        #expect(
            await until {
                house.log.contains {
                    $0.hasPrefix("agent \(welcome.name) asked for the name vault-db")
                }
            })
        house.close()
    }

    @Test @IO func `a wrong signature is refused`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        let other = try Ed25519PrivateKey.generate()
        let wrongKey = Agent(try await house.dial())
        wrongKey.greet = { [unowned wrongKey] challenge in
            var hello = try wrongKey.hello(other, challenge)
            hello.publicKey = Base64.encodeURL(agent.key.publicKey.bytes)
            hello.agentID = agent.record.id
            return hello
        }
        #expect(await refusal(wrongKey) == .signature)
        for signature in [
            "", "!", Base64.encodeURL(Random.bytes(64)), String(repeating: "A", count: 90),
        ] {
            let bent = try await house.connect(agent) { $0.signature = signature }
            #expect(await refusal(bent) == .signature)
            let key = try await house.connect(agent) { $0.publicKey = signature }
            #expect(await refusal(key) == .signature)
        }
        #expect(house.fleet.all.allSatisfy { $0.connection == nil })
        house.close()
    }

    @Test @IO func `a signature made for another connection is refused`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        var overheard: Hello?
        let real = try await house.connect(agent) { overheard = $0 }
        guard case .welcomed = await real.verdict.wait() else { return #expect(Bool(false)) }
        let recorded = try #require(overheard)
        let replay = Agent(try await house.dial())
        replay.greet = { _ in recorded }
        #expect(await refusal(replay) == .signature)

        // One in the middle passes the relay's fresh nonce on; the agent signs its own connection.
        let middle = Agent(try await house.dial())
        middle.greet = { challenge in
            var hello = try real.hello(agent.key, challenge)
            hello.agentID = agent.record.id
            hello.epoch = .init(boot: 9, connection: 1)
            return hello
        }
        #expect(middle.binding != real.binding)
        #expect(await refusal(middle) == .signature)
        #expect(real.ended.value == nil)
        house.close()
    }

    @Test @IO func `an unknown agent is refused, and a known one with another key`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        let stranger = try await house.connect(agent) { $0.agentID = "nobody" }
        #expect(await refusal(stranger) == .unknown)
        let nameless = try await house.connect(agent) { $0.agentID = nil }
        #expect(await refusal(nameless) == .unknown)
        let other = Joined(key: try .generate(), record: agent.record)
        #expect(await refusal(try await house.connect(other)) == .unknown)
        house.close()
    }

    @Test @IO func `a revoked agent is told so, with its own key alone`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        _ = try await house.store.revokeAgent("site")
        #expect(await refusal(try await house.connect(agent)) == .revoked)
        let other = Joined(key: try .generate(), record: agent.record)
        #expect(await refusal(try await house.connect(other)) == .unknown)
        house.close()
    }

    @Test @IO func `used, expired and unknown invitations are refused`() async throws {
        let house = try await House()
        let used = try await house.store.createInvitation(lifetime: .seconds(60)).secret
        _ = try await house.store.redeem(secret: used, publicKey: Random.bytes(32))
        let late = try await house.store.createInvitation(lifetime: .seconds(60)).secret
        let open = try await house.store.createInvitation(lifetime: .seconds(600)).secret
        house.fixture.advance(61)
        let cases: [(String, String?, [String], String)] = [
            (Base64.encodeURL(used), nil, [], "used"), (Base64.encodeURL(late), nil, [], "expired"),
            (Base64.encodeURL(Random.bytes(16)), nil, [], "unknown"), ("?", nil, [], "unknown"),
            (Base64.encodeURL(open), "No Name", [], "not a name"),
            (Base64.encodeURL(open), nil, ["a b"], "not a tag"),
        ]
        for (invitation, name, tags, words) in cases {
            let agent = Agent(try await house.dial())
            agent.greet = { [unowned agent] challenge in
                var hello = try agent.hello(.generate(), challenge)
                hello.invitation = invitation
                hello.name = name
                hello.tags = tags
                return hello
            }
            guard case .refused(let refusal) = await agent.verdict.wait() else {
                Issue.record("\(words): not refused")
                continue
            }
            #expect(refusal.reason == .invitation && refusal.isFinal)
            #expect(refusal.message.contains(words), "\(refusal.message)")
        }
        #expect(house.fleet.all.isEmpty)
        house.close()
    }

    @Test @IO func `another version is refused by name`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        let newer = try await house.connect(agent) { $0.version = Contract.version + 1 }
        #expect(await refusal(newer) == .version)
        #expect(house.log.last?.contains("version 2, the agent 3") == true)
        house.close()
    }

    /// A thief with the agent's key must not lock the agent out for ever.
    @Test @IO func `an epoch from the future counts as now`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        let thief = try await house.connect(agent, epoch: .init(boot: 1 << 52, connection: 1 << 52))
        _ = await thief.verdict.wait()
        #expect(await until { house.fleet.all[0].connection != nil })
        let before = house.fleet.all[0].connection
        house.fixture.clock.withLock { $0 += 1 }
        let next = try await house.connect(
            agent, epoch: .init(boot: house.store.now() * 1000 + 999, connection: 1))
        guard case .welcomed = await next.verdict.wait() else {
            Issue.record("the agent was not welcomed")
            return
        }
        #expect(await until { house.fleet.all[0].connection !== before })
        house.close()
    }

    @Test @IO func `a peer that does not name the protocol is cut off`() async throws {
        let house = try await House()
        let socket = try await SocketStream.connect(to: house.address, deadline: .seconds(5))
        let context = try TLSContext(client: .pin(house.pin), alpn: [])
        let stream = try? await TLSStream.handshake(
            over: socket, context: context, serverName: "relay")
        let isOver = Once<Void>()
        stream?.onClose = { _ in isOver.set(()) }
        // It may have ended before anyone listened.
        if stream?.isClosed != false { isOver.set(()) }
        #expect(await IO.within(.seconds(30)) { await isOver.wait() } != nil)
        #expect(house.fleet.all.isEmpty)
        house.close()
    }

    @Test @IO func `a later connection takes over at once and an older one is refused`()
        async throws
    {
        let house = try await House()
        let agent = try await house.joined("site")
        let first = try await house.connect(agent, epoch: .init(boot: 5, connection: 2))
        _ = await first.verdict.wait()
        #expect(await until { house.fleet.all[0].connection != nil })

        let older = try await house.connect(agent, epoch: .init(boot: 5, connection: 1))
        #expect(await refusal(older) == .superseded)
        #expect(older.methods == ["agent.hello", "agent.refuse"])
        let earlierProcess = try await house.connect(agent, epoch: .init(boot: 4, connection: 9))
        #expect(await refusal(earlierProcess) == .superseded)
        #expect(first.ended.value == nil)

        for epoch in [(5, 2), (5, 3), (6, 1)] as [(Int64, Int64)] {
            let before = try #require(house.fleet.all[0].connection)
            let next = try await house.connect(
                agent, epoch: .init(boot: epoch.0, connection: epoch.1))
            guard case .welcomed = await next.verdict.wait() else {
                Issue.record("\(epoch) was not welcomed")
                continue
            }
            #expect(await until { house.fleet.all[0].connection !== before })
            #expect(before.line.isClosed)
            let answer = try await house.fleet.call(
                house.fleet.all[0], .describe, caller: Caller(id: "p", reach: Caller.everywhere),
                arguments: RawJSON([:]), deadline: .seconds(30))
            #expect(answer.result == RawJSON(["ok": true]))
        }
        #expect(await first.ended.wait().isEmpty == false)
        house.close()
    }

    @Test @IO func `revoking cuts a live tunnel at once`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        let live = try await house.connect(agent)
        _ = await live.verdict.wait()
        #expect(await until { house.fleet.all[0].connection != nil })
        let start = IO.now
        let record = try await house.store.revokeAgent("site")
        house.fleet.revoke(record.id)
        _ = await live.ended.wait()
        let took = IO.now - start
        print("revoked to cut: \(took)")
        #expect(took < .seconds(10))
        #expect(house.fleet.agent(named: "site") == nil)
        house.close()
    }

    @Test @IO func `an agent that is revoked during its welcome does not come in`() async throws {
        let house = try await House()
        let agent = try await house.joined("site")
        let slow = try await house.connect(agent)
        let reply = Once<Void>()
        slow.welcomeDelay = reply
        _ = await slow.verdict.wait()
        let record = try await house.store.revokeAgent("site")
        house.fleet.revoke(record.id)
        try await house.fleet.reload()
        reply.set(())
        _ = await slow.ended.wait()
        #expect(house.fleet.all.allSatisfy { $0.connection == nil })
        house.close()
    }
}
