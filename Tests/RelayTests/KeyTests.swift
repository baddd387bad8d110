// New keys for agents, and machines that join again: whatever is lost on the way, one of the
// agent's keys is known to both ends; a key that was given up never counts again.
import Crypto
import JSON
import Loop
import Testing
import Tunnel
import Wire

@testable import homeline_relay

@Suite struct KeyTests {
    /// How far the change of a key gets before the connection is lost.
    enum Loss: CaseIterable {
        case ofTheOffer, ofTheRequest, ofTheReply, never
    }

    /// An agent's two keys, as it keeps them on its disk.
    @IO final class Keys {
        var present: Ed25519PrivateKey
        var next: Ed25519PrivateKey?
        let id: String

        init(_ joined: Joined) { (present, id) = (joined.key, joined.record.id) }

        /// Answers the two calls; at `loss` the connection is cut instead.
        func serve(_ agent: Agent, losing loss: Loss) {
            agent.serve = { [unowned agent] request in
                let fields = try? Fields(request.arguments)
                guard let fields else { return [] }
                switch Wire.Method(rawValue: request.method) {
                case .offerKey:
                    guard let answer = try? self.offer(OfferKey(fields)) else { return [] }
                    if loss == .ofTheOffer { agent.close() }
                    return Reply.result(RawJSON(answer.json)).encoded()
                case .useKey:
                    if loss == .ofTheRequest {
                        agent.close()
                        return []
                    }
                    self.present = self.next ?? self.present
                    self.next = nil
                    if loss == .ofTheReply { agent.close() }
                    return Reply.result(RawJSON([:])).encoded()
                default: return Reply.result(RawJSON([:])).encoded()
                }
            }
        }

        private func offer(_ call: OfferKey) throws -> OfferedKey {
            let key = try next ?? Ed25519PrivateKey.generate()
            next = key
            let nonce = Base64.decodeURL(call.nonce) ?? []
            return OfferedKey(
                publicKey: Base64.encodeURL(key.publicKey.bytes),
                signature: Base64.encodeURL(
                    try key.sign(Contract.keyMessage(nonce: nonce, agentID: id))))
        }
    }

    @IO private func connect(
        _ house: House, _ keys: Keys, _ record: AgentRecord, number: Int64,
        losing loss: Loss = .never
    ) async throws -> Agent {
        let agent = try await house.connect(
            Joined(key: keys.present, record: record), epoch: .init(boot: 1, connection: number))
        // Before the welcome, after which a call may be repeated at once.
        keys.serve(agent, losing: loss)
        let verdict = await agent.verdict.wait()
        guard case .welcomed = verdict else { throw Unwelcome(verdict: verdict) }
        return agent
    }

    struct Unwelcome: Error { let verdict: Agent.Verdict }

    @Test func `a key is due by its age, or when the operator asks`() {
        for (made, now, days, isDue) in [
            (100, 100 + 90 * 86_400, 90, true), (100, 99 + 90 * 86_400, 90, false),
            (0, 5, 90, true), (0, 5, 0, true), (100, 1 << 40, 0, false), (500, 100, 90, false),
        ] as [(Int64, Int64, Int, Bool)] {
            var changes = KeyChanges()
            changes.lifetime = .seconds(days * 86_400)
            #expect(
                changes.isDue(made: made, isUnsettled: false, now: now) == isDue, "\(made) \(now)")
            #expect(changes.isDue(made: made, isUnsettled: true, now: now))
        }
    }

    @Test(arguments: Loss.allCases)
    @IO func `an agent is never locked out, whatever is lost`(loss: Loss) async throws {
        let house = try await House()
        defer { house.close() }
        let joined = try await house.joined("lab")
        let first = joined.key
        let keys = Keys(joined)
        let agent = try await connect(house, keys, joined.record, number: 1, losing: loss)
        #expect(await until { house.fleet.agent(named: "lab")?.connection != nil })
        house.fleet.adopt(try await house.store.expireKey("lab"))
        // A call whose tunnel broke is repeated over the next one, which this test makes at once.
        let change = IO.task { await house.fleet.changeKeys { _, _ in } }
        if loss != .never {
            _ = await agent.ended.wait()
            // The agent comes with the key that it has, and the relay begins again by itself.
            let second = try await connect(house, keys, joined.record, number: 2)
            await change.value
            try await IO.sleep(for: .milliseconds(50))
            // One that came with the new key is left alone.
            if loss == .ofTheReply { #expect(!second.tunnel.isClosed) }
        }
        await change.value
        if keys.present.publicKey == first.publicKey {
            await house.fleet.changeKeys { name, what in Issue.record("\(name) \(what)") }
        }
        #expect(keys.present.publicKey != first.publicKey)
        let record = try await house.store.agent(id: joined.record.id)
        #expect(record?.publicKey == keys.present.publicKey.bytes)
        let last = try await connect(house, keys, joined.record, number: 3)
        #expect(try await house.store.agent(id: joined.record.id)?.formerKey == nil)
        // The former key is over, also for a later process.
        let thief = try await house.connect(
            Joined(key: first, record: joined.record), epoch: .init(boot: 9, connection: 1))
        guard case .refused(let refusal) = await thief.verdict.wait() else {
            Issue.record("the former key still counts")
            return
        }
        #expect(refusal.reason == .unknown && !last.tunnel.isClosed)
    }

    @Test @IO func `a key is changed once at a time, and an offer stands until it is settled`()
        async throws
    {
        let house = try await House()
        defer { house.close() }
        let joined = try await house.joined("lab")
        let (id, present) = (joined.record.id, joined.key.publicKey.bytes)
        let agent = try await connect(house, Keys(joined), joined.record, number: 1)
        #expect(await until { house.fleet.agent(named: "lab")?.connection != nil })
        let gate = Once<Void>()
        agent.serve = { _ in
            await gate.wait()
            return []
        }
        let first = IO.task {
            do throws(Fault) { try await house.fleet.changeKey(of: id) } catch { return }
        }
        #expect(await until { agent.methods.contains("agent.offer_key") })
        do throws(Fault) {
            try await house.fleet.changeKey(of: id)
            Issue.record("two changes at once")
        } catch {
            #expect(error.code == .busy)
        }
        gate.set(())
        await first.value
        // It may have put the key that it offered on its disk: no other takes that one's place.
        let (next, other) = (Random.bytes(32), Random.bytes(32))
        for _ in 1...2 { _ = try await house.store.offer(next, of: id, present: present) }
        await #expect(throws: StoreError.keyOutOfDate) {
            try await house.store.offer(other, of: id, present: present)
        }
        let record = try #require(try await house.store.agent(id: id))
        #expect(record.knows(next) && record.knows(present) && !record.knows(other))
        // An id decides, not an agent's name that looks like one.
        _ = try await house.store.updateAgent(id, name: "a".padded(like: id), by: "test")
        await #expect(throws: StoreError.self) {
            try await house.store.settle(next, of: "a".padded(like: id))
        }
    }

    @Test @IO func `whoever waits with a key that is given up meanwhile is not let in`()
        async throws
    {
        let house = try await House()
        defer { house.close() }
        let joined = try await house.joined("lab")
        let slow = try await house.connect(joined)
        let delay = Once<Void>()
        slow.welcomeDelay = delay
        _ = await slow.verdict.wait()
        let secret = try await house.store.createInvitation(
            rejoining: "lab", lifetime: .seconds(60)
        ).secret
        let fresh = try Ed25519PrivateKey.generate()
        let agent = try await house.connect(Joined(key: fresh, record: joined.record)) {
            ($0.agentID, $0.invitation) = (nil, Base64.encodeURL(secret))
        }
        _ = await agent.verdict.wait()
        #expect(await until { house.fleet.agent(named: "lab")?.connection != nil })
        delay.set(())
        _ = await slow.ended.wait()
        #expect(!agent.tunnel.isClosed)
        #expect(house.fleet.agent(named: "lab")?.connection?.key == fresh.publicKey.bytes)
    }

    @Test @IO func `a key that the agent does not hold, or that another one has, is refused`()
        async throws
    {
        let house = try await House()
        defer { house.close() }
        let (joined, other) = (try await house.joined("lab"), try await house.joined("other"))
        let keys = Keys(joined)
        let agent = try await connect(house, keys, joined.record, number: 1)
        #expect(await until { house.fleet.agent(named: "lab")?.connection != nil })
        let stranger = try Ed25519PrivateKey.generate()
        for (key, signer, id) in [
            (stranger, joined.key, joined.record.id), (stranger, stranger, other.record.id),
            (other.key, other.key, joined.record.id), (joined.key, joined.key, joined.record.id),
        ] {
            agent.serve = { request in
                guard let fields = try? Fields(request.arguments),
                    let nonce = (try? OfferKey(fields)).flatMap({ Base64.decodeURL($0.nonce) }),
                    let signature = try? signer.sign(
                        Contract.keyMessage(nonce: nonce, agentID: id))
                else { return [] }
                let offered = OfferedKey(
                    publicKey: Base64.encodeURL(key.publicKey.bytes),
                    signature: Base64.encodeURL(signature))
                return Reply.result(RawJSON(offered.json)).encoded()
            }
            await #expect(throws: Fault.self) {
                try await house.fleet.changeKey(of: joined.record.id)
            }
            let record = try await house.store.agent(id: joined.record.id)
            #expect(record?.publicKey == joined.key.publicKey.bytes && record?.formerKey == nil)
        }
        #expect(agent.methods.contains("agent.use_key") == false)
    }

    @Test @IO func `a reinstalled machine is the same agent again, by an invitation that says so`()
        async throws
    {
        let house = try await House()
        defer { house.close() }
        let (joined, other) = (try await house.joined("lab"), try await house.joined("other"))
        let old = try await connect(house, Keys(joined), joined.record, number: 50)
        #expect(await until { house.fleet.agent(named: "lab")?.connection != nil })
        let secret = try await house.store.createInvitation(
            rejoining: "lab", lifetime: .seconds(60)
        ).secret
        // Nobody else's key becomes this agent's.
        await #expect(throws: StoreError.keyInUse) {
            try await house.store.redeem(secret: secret, publicKey: other.key.publicKey.bytes)
        }
        let fresh = try Ed25519PrivateKey.generate()
        let agent = try await house.connect(Joined(key: fresh, record: joined.record)) {
            ($0.agentID, $0.invitation) = (nil, Base64.encodeURL(secret))
        }
        // Its clock may be behind that of the former installation.
        #expect(
            await agent.verdict.wait()
                == .welcomed(
                    Welcome(
                        agentID: joined.record.id, name: "lab",
                        handlePrefix: String(joined.record.id.prefix(4)))))
        _ = await old.ended.wait()
        let thief = try await house.connect(joined, epoch: .init(boot: 99, connection: 1))
        guard case .refused = await thief.verdict.wait() else {
            Issue.record("the former key still counts")
            return
        }
        await #expect(throws: StoreError.invitationUsed) {
            try await house.store.redeem(
                secret: secret, publicKey: Ed25519PrivateKey.generate().publicKey.bytes)
        }
        // A revoked agent does not come back, and an invitation for it is not made.
        let late = try await house.store.createInvitation(
            rejoining: "other", lifetime: .seconds(60)
        ).secret
        _ = try await house.store.revokeAgent("other")
        await #expect(throws: StoreError.self) {
            try await house.store.redeem(
                secret: late, publicKey: Ed25519PrivateKey.generate().publicKey.bytes)
        }
        await #expect(throws: StoreError.self) {
            try await house.store.createInvitation(rejoining: "other", lifetime: .seconds(60))
        }
        await #expect(throws: StoreError.rejoinChanges) {
            try await house.store.createInvitation(
                name: "x", rejoining: "lab", lifetime: .seconds(60))
        }
    }
}

extension String {
    /// This text repeated to the length of another.
    fileprivate func padded(like other: String) -> String {
        String(repeating: self, count: other.count)
    }
}
