// Tokens, scopes and patterns as an MCP request meets them.

import Loop
import Configuration
import Testing
import Wire

@testable import homeline_relay

@IO @Suite struct AccessTests {
    @Test func `a live token gives its principal and a revoked one none`() async throws {
        let fixture = try await StoreFixture()
        let access = Access(now: fixture.store.now)
        let (record, token) = try await fixture.store.createToken(
            name: "laptop", scopes: [.filesRead], pattern: "web")
        #expect(throws: AccessError.invalidToken) {
            try access.principal(authorization: "Bearer \(token)", fromLoopback: false)
        }
        access.replace(with: try await fixture.store.tokens())
        let principal = try access.principal(authorization: "bearer  \(token)", fromLoopback: false)
        #expect(principal.id == record.id)
        #expect(principal.name == "laptop")
        #expect(principal.holds([.filesRead]))
        #expect(!principal.holds([.filesRead, .filesWrite]))

        try await fixture.store.touchTokens(access.takeUses().tokens)
        #expect(try await fixture.store.token(token)?.lastUsed == 1_000)
        _ = try await fixture.store.revokeToken("laptop")
        access.replace(with: try await fixture.store.tokens())
        #expect(throws: AccessError.invalidToken) {
            try access.principal(authorization: "Bearer \(token)", fromLoopback: true)
        }
    }

    @Test func `whose rights are gone or changed is told`() throws {
        let access = Access(now: { 0 })
        func token(_ id: String, _ pattern: String) throws -> TokenRecord {
            TokenRecord(
                id: id, name: id, hash: TokenRecord.hash(of: id), scopes: [.filesRead],
                pattern: try #require(AccessPattern(pattern)), created: 0)
        }
        #expect(access.replace(with: [try token("a", "*"), try token("b", "*")]).isEmpty)
        let changed = access.replace(with: [try token("a", "web"), try token("c", "*")])
        #expect(Set(changed.map(\.id)) == ["a", "b"])
        access.revoke("c")
        #expect(access.replace(with: [try token("a", "web")]).isEmpty)
    }

    @Test(arguments: [
        "Bearer", "Bearer ", "Bearer hlt_", "Bearer x", "Bearer hlt_a b",
        "Bearer hlt_" + String(repeating: "a", count: 4000),
    ])
    func `a misshapen token is invalid`(header: String) async throws {
        let access = Access(allowsLoopback: true, now: { 0 })
        #expect(throws: AccessError.invalidToken) {
            try access.principal(authorization: header, fromLoopback: true)
        }
    }

    @Test func `without a token only loopback passes, and only where allowed`() async throws {
        let strict = Access(now: { 0 })
        let open = Access(allowsLoopback: true, now: { 0 })
        #expect(throws: AccessError.missingToken) {
            try strict.principal(authorization: nil, fromLoopback: true)
        }
        #expect(throws: AccessError.missingToken) {
            try open.principal(authorization: nil, fromLoopback: false)
        }
        #expect(throws: AccessError.missingToken) {
            try open.principal(authorization: "Basic YTpi", fromLoopback: true)
        }
        #expect(try open.principal(authorization: nil, fromLoopback: true) == .local)
    }

    @Test func `challenges say what RFC 6750 asks for`() {
        #expect(
            AccessError.missingToken.challenge()
                == "Bearer realm=\"homeline\", scope=\"fleet:read sessions:read\"")
        #expect(AccessError.invalidToken.challenge().contains("error=\"invalid_token\""))
    }

    @Test func `a tool needs all its scopes`() {
        let rows = Dictionary(uniqueKeysWithValues: ToolRow.all.map { ($0.name, $0.scopes) })
        #expect(rows["ssh_execute"] == [.sessionsExec] && rows["file_write"] == [.filesWrite])
        #expect(Principal.local.holds([.filesWrite, .forwards]))
        let reader = Principal(id: "r", name: "r", scopes: [.fleetRead], pattern: .all)
        #expect(reader.holds([.fleetRead]) && !reader.holds([.fleetRead, .filesRead]))
        #expect(!reader.holds([.admin]))
    }

    @Test func `patterns select agents by name or tag and targets by glob`() throws {
        let pattern = try #require(AccessPattern("web-*/db?,tag:lab"))
        #expect(pattern.allows(agent: "web-1", tags: []))
        #expect(pattern.allows(agent: "web-1", tags: [], target: try TargetName("db1")))
        #expect(!pattern.allows(agent: "web-1", tags: [], target: try TargetName("db10")))
        #expect(!pattern.allows(agent: "web", tags: []))
        let address = try TargetName("root@10.0.0.1:22")
        #expect(pattern.allows(agent: "x", tags: ["prod", "lab"], target: address))
        #expect(!pattern.allows(agent: "lab", tags: ["prod"]))
        #expect(AccessPattern.all.allows(agent: "any", tags: [], target: try TargetName("a/b")))
        for bad in ["", ",", "a,", "/x", "a/", "tag:", "a b", "a/fd00::*", "a/[fd00::?]:22"] {
            #expect(AccessPattern(bad) == nil, "\(bad)")
        }
    }

    @Test func `a hostile pattern does not blow up`() {
        let stars = String(repeating: "*a", count: 2000)
        let text = String(repeating: "a", count: 2000) + "b"
        #expect(!Glob.matches(stars, text))
        #expect(Glob.matches("*", ""))
        #expect(Glob.matches("a*b*c", "axxbyyc"))
        #expect(!Glob.matches("a*b*c", "axxbyy"))
    }
}
