// The relay's durable state on real files, with a clock of the test's own.

import Crypto
import Foundation
import SQLite
import Support
import Testing
import Wire

@testable import homeline_relay

/// A store in a folder of its own, and the time it believes.
struct StoreFixture {
    let folder: TemporaryDirectory
    let clock = Box<Int64>(1_000)
    let store: Store

    init() async throws {
        let folder = try TemporaryDirectory("store")
        let clock = clock
        self.folder = folder
        store = try await Store.open(folder: folder.path, now: { clock.withLock { $0 } })
    }

    func advance(_ seconds: Int64) { clock.withLock { $0 += seconds } }

    func join(_ name: String? = nil, host: String = "", key: [UInt8]? = nil) async throws
        -> AgentRecord
    {
        let secret = try await store.createInvitation(lifetime: .seconds(60)).secret
        return try await store.redeem(
            secret: secret, publicKey: key ?? Random.bytes(32), name: name, host: host)
    }
}

@Suite struct StoreTests {
    @Test func `an invitation makes one agent with what it says`() async throws {
        let fixture = try await StoreFixture()
        let store = fixture.store
        let (invitation, secret) = try await store.createInvitation(
            name: "lab", tags: ["b", "a", "b"], purpose: "jump box", lifetime: .seconds(60))
        #expect(invitation.expires == 1_060)
        let key = Random.bytes(32)
        let agent = try await store.redeem(
            secret: secret, publicKey: key, name: "own", host: "h.example", tags: ["c"])
        #expect(agent.name == "lab")
        #expect(agent.tags == ["a", "b"] && agent.ownTags == ["c"])
        #expect(agent.purpose == "jump box")
        #expect(try await store.agent(id: agent.id) == agent)
        #expect(try await store.agents() == [agent])
        #expect(try await store.agent(id: "other") == nil)

        await #expect(throws: StoreError.invitationUsed) {
            try await store.redeem(secret: secret, publicKey: Random.bytes(32))
        }
        #expect(try await store.redeem(secret: secret, publicKey: key) == agent)
    }

    @Test func `an invitation for several agents lets in as many, each key once`() async throws {
        let fixture = try await StoreFixture()
        let store = fixture.store
        // A pattern covers the names: the inviter has chosen them.
        _ = try await store.createToken(name: "t", scopes: [.fleetRead], pattern: "web-*")
        let (made, secret) = try await store.createInvitation(
            name: "web", tags: ["lab"], uses: 3, lifetime: .seconds(60))
        let keys = (0..<4).map { _ in Random.bytes(32) }
        for (number, key) in keys.prefix(2).enumerated() {
            for _ in 0..<2 {
                let agent = try await store.redeem(secret: secret, publicKey: key, name: "own")
                #expect(agent.name == "web-\(number + 1)" && agent.tags == ["lab"])
            }
        }
        #expect(try await store.invitations().map(\.used) == [2])
        _ = try await store.cancelInvitation(made.id)
        #expect(try await store.invitations() == [])
        await #expect(throws: StoreError.invitationCancelled) {
            try await store.redeem(secret: secret, publicKey: keys[2])
        }
        #expect(try await store.redeem(secret: secret, publicKey: keys[1]).name == "web-2")
        await #expect(throws: StoreError.unknownInvitation(made.id)) {
            try await store.cancelInvitation(made.id)
        }
        // A revoked machine has the invitation's line still.
        let line = try await store.createInvitation(uses: 5, lifetime: .seconds(60)).secret
        let key = [UInt8](repeating: 77, count: 32)
        let once = try await store.redeem(secret: line, publicKey: key, name: "gone")
        _ = try await store.revokeAgent(once.id)
        for again in [key, [UInt8](repeating: 78, count: 32)] {
            await #expect(throws: StoreError.invitationCancelled) {
                try await store.redeem(secret: line, publicKey: again, name: "gone")
            }
        }
        // An agent that asks for another's id as its name gets another name.
        let other = try await store.createInvitation(lifetime: .seconds(60)).secret
        let thief = try await store.redeem(
            secret: other, publicKey: [UInt8](repeating: 79, count: 32), name: once.id)
        #expect(thief.name != once.id)
        let more = try await store.createInvitation(uses: 2, lifetime: .seconds(60)).secret
        for key in keys[2...] { _ = try await store.redeem(secret: more, publicKey: key) }
        await #expect(throws: StoreError.invitationUsed) {
            try await store.redeem(secret: more, publicKey: Random.bytes(32))
        }
        fixture.advance(61 + 604_800)
        _ = try await store.createInvitation(lifetime: .seconds(60))
        #expect(try await store.invitations().count == 1)
        await #expect(throws: StoreError.usesInvalid) {
            try await store.createInvitation(uses: 0, lifetime: .seconds(60))
        }
    }

    @Test func `an invitation ends at its time and unknown ones are told apart`() async throws {
        let fixture = try await StoreFixture()
        let secret = try await fixture.store.createInvitation(lifetime: .seconds(60)).secret
        fixture.advance(61)
        await #expect(throws: StoreError.invitationExpired) {
            try await fixture.store.redeem(secret: secret, publicKey: Random.bytes(32))
        }
        await #expect(throws: StoreError.invitationUnknown) {
            try await fixture.store.redeem(secret: [1], publicKey: Random.bytes(32))
        }
        await #expect(throws: StoreError.keyInvalid) {
            try await fixture.store.redeem(secret: secret, publicKey: [1])
        }
    }

    @Test func `of many that redeem at once one wins`() async throws {
        let fixture = try await StoreFixture()
        let other = try await Store.open(folder: fixture.folder.path, now: { 1_000 })
        let secret = try await fixture.store.createInvitation(lifetime: .seconds(60)).secret
        let wins = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<16 {
                let store = index % 2 == 0 ? fixture.store : other
                group.addTask {
                    (try? await store.redeem(secret: secret, publicKey: Random.bytes(32))) != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
        #expect(try await fixture.store.agents().count == 1)
    }

    @Test func `names come from the host and get a number when taken`() async throws {
        let fixture = try await StoreFixture()
        #expect(try await fixture.join(host: "Web_01.example.org").name == "web-01")
        #expect(try await fixture.join(host: "web-01").name == "web-01-2")
        #expect(try await fixture.join("web-01").name == "web-01-3")
        #expect(try await fixture.join(host: "---").name == "agent")
        let long = String(repeating: "x", count: 80)
        #expect(try await fixture.join(host: long).name.count == 63)
        #expect(try await fixture.join(host: long).name.hasSuffix("x-2"))
        await #expect(throws: StoreError.nameInvalid("No")) { try await fixture.join("No") }
        await #expect(throws: StoreError.nameTaken("web-01")) {
            try await fixture.store.createInvitation(name: "web-01", lifetime: .seconds(1))
        }
    }

    @Test func `a key that joined already keeps its record`() async throws {
        let fixture = try await StoreFixture()
        let key = Random.bytes(32)
        let agent = try await fixture.join("a", key: key)
        #expect(try await fixture.join("b", key: key) == agent)
    }

    /// A pattern names agents that the operator knows; who joins does not choose to be one of them.
    @Test(arguments: [
        ("vault*", "vault-db", false), ("vault*/db", "vault-db", false),
        ("vault-db", "vault-db", false),
        ("x,vault-??/web", "vault-db", false), ("vault-*", "vaults", true), ("*", "vault-db", true),
        ("*/vault-db", "vault-db", true), ("tag:vault*", "vault-db", true),
        ("web", "vault-db", true),
    ])
    func `no agent wishes itself under a pattern`(
        _ pattern: String, _ wish: String, _ isGiven: Bool
    ) async throws {
        let fixture = try await StoreFixture()
        _ = try await fixture.store.createToken(name: "dba", scopes: [], pattern: pattern)
        for agent in [
            try await fixture.join(wish), try await fixture.join(host: wish + ".example"),
        ] {
            #expect(agent.name.hasPrefix(isGiven ? wish : "agent-\(agent.id.prefix(8))"))
        }
        // The operator may; and a token that is gone covers nothing.
        let secret = try await fixture.store.createInvitation(
            name: "vault-xy", lifetime: .seconds(60)
        ).secret
        let named = try await fixture.store.redeem(secret: secret, publicKey: Random.bytes(32))
        #expect(named.name == "vault-xy")
        _ = try await fixture.store.revokeToken("dba")
        #expect(try await fixture.join("vault-zz").name == "vault-zz")
    }

    @Test func `a name with a number and a neutral name are compared, too`() async throws {
        let fixture = try await StoreFixture()
        _ = try await fixture.store.createToken(name: "dba", scopes: [], pattern: "db-?,agent-*")
        #expect(try await fixture.join("db").name == "db")
        let second = try await fixture.join("db")
        #expect(second.name == "new-\(second.id.prefix(8))")
        _ = try await fixture.store.createToken(name: "all", scopes: [], pattern: "?*")
        let third = try await fixture.join("web")
        #expect(third.name == "agent-\(third.id.prefix(8))")
    }

    @Test func `revoking frees the name for an invitation and keeps the key out`() async throws {
        let fixture = try await StoreFixture()
        let agent = try await fixture.join("web")
        let revoked = try await fixture.store.revokeAgent("web")
        #expect(revoked.id == agent.id)
        #expect(try await fixture.store.agents().isEmpty)
        #expect(try await fixture.store.agent(id: agent.id)?.revoked == 1_000)
        #expect(try await fixture.join("web").name == "web-2")
        let secret = try await fixture.store.createInvitation(name: "web", lifetime: .seconds(60))
            .secret
        let named = try await fixture.store.redeem(secret: secret, publicKey: Random.bytes(32))
        #expect(named.name == "web")
        let second = try await fixture.join("vault-b")
        await #expect(throws: StoreError.unknownAgent("vault-c", nearest: "vault-b")) {
            try await fixture.store.revokeAgent("vault-c")
        }
        #expect(try await fixture.store.revokeAgent(second.id).name == "vault-b")
    }

    @Test func `an agent's record changes field by field`() async throws {
        let fixture = try await StoreFixture()
        let agent = try await fixture.join("a")
        _ = try await fixture.join("b")
        let store = fixture.store
        #expect(try await store.updateAgent("a", purpose: "p", by: "op").purpose == "p")
        #expect(try await store.updateAgent("a", name: "c", tags: ["t"], by: "op").tags == ["t"])
        await #expect(throws: StoreError.nameTaken("b")) {
            try await store.updateAgent("c", name: "b", by: "op")
        }
        await #expect(throws: StoreError.tagInvalid("a,b")) {
            try await store.updateAgent("c", tags: ["a,b"], by: "op")
        }
        await #expect(throws: StoreError.purposeInvalid) {
            try await store.updateAgent("c", purpose: "a\nb", by: "op")
        }
        fixture.advance(5)
        try await store.touchAgents([agent.id])
        let now = try await store.agent(id: agent.id)
        #expect(now?.lastSeen == 1_005)
        #expect(now?.name == "c")
        #expect(now?.purpose == "p")
    }

    @Test func `a token that is made again under its name is another one`() async throws {
        let store = try await StoreFixture().store
        var ids: Set<String> = []
        for _ in 0..<5 {
            let (record, _) = try await store.createToken(name: "laptop", scopes: [.admin])
            #expect(ids.insert(record.id).inserted)
            #expect(record.id.utf8.count == 16 && record.id != Principal.local.id)
            #expect(try await store.revokeToken("laptop").id == record.id)
        }
        // The rows stay, so that the database itself refuses an id that was.
        let kept = try await store.run { try $0.rows("SELECT id FROM token").count }
        #expect(kept == ids.count)
    }

    @Test(arguments: ["local", "relay", "Local", "RELAY", "lOCAL"])
    func `a reserved name is refused in any case`(name: String) async throws {
        let store = try await StoreFixture().store
        await #expect(throws: StoreError.nameReserved(name)) {
            try await store.createToken(name: name, scopes: [.admin])
        }
        #expect(try await store.tokens().isEmpty)
    }

    @Test func `a token is found by its text until revoked, and never stored`() async throws {
        let fixture = try await StoreFixture()
        let store = fixture.store
        let (record, token) = try await store.createToken(
            name: "laptop", scopes: [.fleetRead, .sessionsExec], pattern: "web-*/db,tag:lab")
        #expect(token.hasPrefix("hlt_") && token.count == 47)
        #expect(try await store.token(token) == record)
        #expect(try await store.tokens() == [record])
        #expect(try await store.token(token + "x") == nil)
        await #expect(throws: StoreError.nameTaken("laptop")) {
            try await store.createToken(name: "laptop", scopes: [])
        }
        await #expect(throws: StoreError.patternInvalid("a//,")) {
            try await store.createToken(name: "x", scopes: [], pattern: "a//,")
        }
        try await store.touchTokens([record.id: 7])
        #expect(try await store.token(token)?.lastUsed == 7)
        await #expect(throws: StoreError.unknownToken("laptob", nearest: "laptop")) {
            try await store.revokeToken("laptob")
        }
        _ = try await store.revokeToken("laptop")
        #expect(try await store.token(token) == nil)

        let secret = try await store.createInvitation(lifetime: .seconds(9)).secret
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path) {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: fixture.folder.file(name)))
            #expect(bytes.range(of: Data(token.utf8)) == nil)
            #expect(bytes.range(of: Data(secret)) == nil)
        }
    }

    @Test func `everything is still there after a restart`() async throws {
        let fixture = try await StoreFixture()
        let agent = try await fixture.join("a")
        let (record, token) = try await fixture.store.createToken(name: "t", scopes: [.admin])
        try await fixture.store.setFact("tunnel_url", "tls://a:1")
        try await fixture.store.setFact("tunnel_url", "tls://a:2")
        await fixture.store.close()
        let again = try await Store.open(folder: fixture.folder.path)
        #expect(try await again.agents() == [agent])
        #expect(try await again.token(token) == record)
        #expect(try await again.fact("tunnel_url") == "tls://a:2")
        #expect(try await again.fact("other") == nil)
    }
}
