// Codes and tokens of OAuth over HTTP: how long, how often and for whom they are good.
import Crypto
import Foundation
import HTTP
import JSON
import Loop
import Net
import SQLite
import Support
import Testing
import Wire

@testable import homeline_relay

@IO @Suite struct OAuthTokenTests {
    @Test func `a code is good once, for its client, with its proof, for a minute`() async throws {
        let lab = try await OAuthLab()
        let (client, other) = (try await lab.newClient(), try await lab.newClient())
        let stolen = try await lab.redeem(try await lab.code(client), other)
        #expect(stolen.status == 400 && stolen.refusal == "invalid_grant")
        for change in [
            ("code_verifier", String(repeating: "w", count: 43)), ("code_verifier", "v"),
            ("redirect_uri", "https://evil.example/"),
        ] as [(String, String?)] {
            let answer = try await lab.redeem(
                try await lab.code(client), client, change: [change])
            #expect(answer.refusal == "invalid_grant", "\(change)")
        }
        let open = try await lab.redeem(
            try await lab.code(client), client, change: [("code_verifier", nil)])
        #expect(open.refusal == "invalid_request")
        let late = try await lab.code(client)
        lab.fixture.advance(60)
        #expect(try await lab.redeem(late, client).refusal == "invalid_grant")
        #expect(try await lab.redeem("x", client).refusal == "invalid_grant")
        #expect(try await lab.fixture.store.grants().isEmpty)

        let code = try await lab.code(client)
        let json = try JSON(parsing: try await lab.redeem(code, client).body)
        let token = json["access_token"]?.stringValue
        let grant = try #require(lab.principal(token)?.grant)
        #expect(try await lab.redeem(code, client).refusal == "invalid_grant")
        #expect(lab.principal(token) == nil)
        #expect(lab.ended.withLock { $0 } == [grant])
        let refresh = json["refresh_token"]?.stringValue ?? ""
        #expect(try await lab.refresh(refresh, client).refusal == "invalid_grant")
    }

    @Test func `refresh tokens rotate, a lost answer is repeated, reuse ends the family`()
        async throws
    {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let first = try await lab.tokens(client)
        let old = try #require(first["refresh_token"]?.stringValue)
        let other = try await lab.newClient()
        #expect(try await lab.refresh(old, other).refusal == "invalid_grant")
        let second = try JSON(parsing: try await lab.refresh(old, client).body)
        lab.fixture.advance(100)
        let again = try JSON(parsing: try await lab.refresh(old, client).body)
        #expect(second["refresh_token"] == again["refresh_token"])
        #expect(second["access_token"] == again["access_token"] && again["expires_in"] == 3500)
        // The access token before it is good until its own end.
        #expect(lab.principal(first["access_token"]?.stringValue) != nil)
        let next = try #require(second["refresh_token"]?.stringValue)
        let third = try JSON(parsing: try await lab.refresh(next, client).body)
        let token = third["access_token"]?.stringValue
        let grant = try #require(lab.principal(token)?.grant)
        // Its successor was used: this one is a copy.
        #expect(try await lab.refresh(old, client).refusal == "invalid_grant")
        #expect(lab.principal(token) == nil)
        #expect(lab.ended.withLock { $0 } == [grant])
        let last = third["refresh_token"]?.stringValue ?? ""
        #expect(try await lab.refresh(last, client).refusal == "invalid_grant")
    }

    @Test func `an old refresh token ends the family once the time for lost answers is over`()
        async throws
    {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let old = try await lab.tokens(client)["refresh_token"]?.stringValue ?? ""
        let second = try JSON(parsing: try await lab.refresh(old, client).body)
        lab.fixture.advance(RefreshToken.grace + 1)
        #expect(try await lab.refresh(old, client).refusal == "invalid_grant")
        #expect(lab.principal(second["access_token"]?.stringValue) == nil)
    }

    @Test func `two that refresh at once get the same tokens`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let old = try await lab.tokens(client)["refresh_token"]?.stringValue ?? ""
        let tasks = (0..<5).map { _ in
            IO.task {
                (try? await lab.refresh(old, client).body).flatMap { try? JSON(parsing: $0) }
            }
        }
        let answers = await IO.values(of: tasks)
        let texts = Set(answers.map { $0?["refresh_token"]?.stringValue })
        #expect(texts.count == 1 && texts.first != .some(nil))
    }

    @Test func `a code that comes twice at once leaves nothing`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let code = try await lab.code(client)
        let tasks = (0..<2).map { _ in
            IO.task {
                try? await lab.service.redeem(
                    code, client: client, redirect: nil, verifier: OAuthLab.verifier)
            }
        }
        let issues = await IO.values(of: tasks)
        let alive = issues.filter { lab.principal($0?.text.access) != nil }
        #expect(alive.isEmpty)
        #expect(lab.service.grants(of: "ada-id").isEmpty)
        #expect(try await lab.fixture.store.grants().isEmpty)
    }

    @Test func `a person who is revoked while a code is exchanged has granted nothing`()
        async throws
    {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let code = try await lab.code(client)
        let redeeming = IO.task {
            try? await lab.service.redeem(
                code, client: client, redirect: nil, verifier: OAuthLab.verifier)
        }
        let revoking = IO.task { await lab.service.forget(person: "ada-id") }
        let issue = await redeeming.value
        await revoking.value
        #expect(issue?.text.access == nil)
        #expect(try await lab.fixture.store.grants().isEmpty)
    }

    @Test(arguments: [true, false])
    func `an end wins over the exchange that is on its way`(ofPerson: Bool) async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let json = try await lab.tokens(client)
        let token = json["refresh_token"]?.stringValue ?? ""
        let grant = try #require(lab.service.grants(of: "ada-id").first)
        let refreshing = IO.task { try? await lab.service.refresh(token, client: client) }
        let reloading = IO.task { _ = try? await lab.service.reload() }
        let ending = IO.task { () async -> Void in
            if ofPerson {
                await lab.service.forget(person: grant.person)
            } else {
                _ = try? await lab.service.revoke(grant.id, of: grant.person)
            }
        }
        let issue = await refreshing.value
        await reloading.value
        await ending.value
        #expect(lab.principal(issue?.text.access) == nil)
        #expect(lab.principal(json["access_token"]?.stringValue) == nil)
        #expect(lab.service.grants(of: "ada-id").isEmpty)
        #expect(try await lab.fixture.store.grants().isEmpty)
        #expect((lab.access.principal(id: "ada-id") == nil) == ofPerson)
        #expect(lab.ended.withLock { $0 } == [grant.id])
    }

    @Test func `a repeated answer gives no access token that has ended`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let old = try await lab.tokens(client)["refresh_token"]?.stringValue ?? ""
        let json = try JSON(parsing: try await lab.refresh(old, client).body)
        let token = json["access_token"]?.stringValue ?? ""
        let ending = try await lab.form("/oauth/revoke", [("token", token), ("client_id", client)])
        #expect(ending.status == 200)
        #expect(try await lab.refresh(old, client).refusal == "invalid_grant")
        let next = json["refresh_token"]?.stringValue ?? ""
        #expect(try await lab.refresh(next, client).status == 200)
    }

    @Test func `the store has a salt only as long as an answer may be repeated`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        func salts() async throws -> Int64? {
            try await lab.fixture.store.run { connection in
                try connection.rows("SELECT count(salt) AS n FROM oauth_token").first?.integer("n")
            }
        }
        var token = try await lab.tokens(client)["refresh_token"]?.stringValue ?? ""
        #expect(try await salts() == 0)
        for _ in 0..<3 {
            let json = try JSON(parsing: try await lab.refresh(token, client).body)
            token = json["refresh_token"]?.stringValue ?? ""
            #expect(try await salts() == 1)
        }
        lab.fixture.advance(RefreshToken.grace)
        try await lab.service.sweep()
        #expect(try await salts() == 1)
        lab.fixture.advance(1)
        try await lab.service.sweep()
        #expect(try await salts() == 0)
        #expect(try await lab.refresh(token, client).status == 200)
    }

    @Test func `tokens end with their time, and grants with their last token`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let json = try await lab.tokens(client)
        let token = json["access_token"]?.stringValue
        lab.fixture.advance(3599)
        #expect(lab.principal(token) != nil)
        lab.fixture.advance(1)
        #expect(lab.principal(token) == nil)
        lab.fixture.advance(30 * 86_400)
        let refresh = json["refresh_token"]?.stringValue ?? ""
        #expect(try await lab.refresh(refresh, client).refusal == "invalid_grant")
        try await lab.service.sweep()
        #expect(try await lab.fixture.store.grants().isEmpty)
        #expect(lab.ended.withLock { $0.count } == 1)
    }

    @Test func `tokens for another URL of the relay are none here`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let json = try await lab.tokens(client)
        #expect(
            try await lab.redeem(
                try await lab.code(client), client,
                change: [("resource", "https://other.example/mcp")]
            ).refusal == "invalid_target")
        let moved = Access(now: lab.fixture.store.now)
        let people = try #require(lab.visitors.person)
        let service = OAuthService(
            lab.fixture.store, moved, documents: nil,
            people: { () throws(StoreError) in [people] }, end: { _, _ in })
        try await service.reload()
        service.open(
            at: OAuthAddress(web: try #require(WebAddress(mcp: "https://new.example/mcp"))))
        let bearer = "Bearer \(json["access_token"]?.stringValue ?? "")"
        #expect(throws: AccessError.invalidAccessToken) {
            try moved.principal(authorization: bearer, fromLoopback: false)
        }
    }

    @Test func `a client that is not known is told by 401, so that it registers again`()
        async throws
    {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let refresh = try await lab.tokens(client)["refresh_token"]?.stringValue ?? ""
        _ = try await lab.fixture.store.removeClient(client)
        let answer = try await lab.refresh(refresh, client)
        #expect(answer.status == 401 && answer.refusal == "invalid_client")
        #expect(answer.header("access-control-allow-origin") == "*")
        let nobody = try await lab.form("/oauth/token", [("grant_type", "refresh_token")])
        #expect(nobody.status == 401)
        let odd = try await lab.form(
            "/oauth/token", [("grant_type", "password"), ("client_id", client)])
        #expect(odd.refusal == "unsupported_grant_type")
    }

    @Test func `a client may name itself by Basic`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let code = try await lab.code(client)
        let basic = "Basic " + Base64Text.encode("\(client):")
        let answer = try await lab.form(
            "/oauth/token",
            [
                ("grant_type", "authorization_code"), ("code", code),
                ("code_verifier", OAuthLab.verifier),
            ], headers: ["Authorization": basic])
        #expect(answer.status == 200)
        let two = try await lab.form(
            "/oauth/token", [("grant_type", "refresh_token"), ("client_id", "other")],
            headers: ["Authorization": basic])
        #expect(two.refusal == "invalid_request")
    }

    @Test func `a client that logs out ends its grant, and only its own`() async throws {
        let lab = try await OAuthLab()
        let (client, other) = (try await lab.newClient(), try await lab.newClient())
        let json = try await lab.tokens(client)
        let (token, refresh) = (
            json["access_token"]?.stringValue ?? "", json["refresh_token"]?.stringValue ?? ""
        )
        func revoke(_ token: String, _ client: String) async throws -> Int {
            try await lab.form("/oauth/revoke", [("token", token), ("client_id", client)]).status
        }
        #expect(try await revoke(refresh, other) == 200)
        #expect(try await revoke("hlr_unknown", client) == 200)
        #expect(lab.principal(token) != nil)
        #expect(try await revoke(token, client) == 200)
        #expect(lab.principal(token) == nil)
        let next = try JSON(parsing: try await lab.refresh(refresh, client).body)
        #expect(lab.principal(next["access_token"]?.stringValue) != nil)
        #expect(try await revoke(next["refresh_token"]?.stringValue ?? "", client) == 200)
        #expect(lab.principal(next["access_token"]?.stringValue) == nil)
        #expect(try await lab.fixture.store.grants().isEmpty)
    }

    @Test func `a person ends a client on the page, and nobody else's`() async throws {
        let lab = try await OAuthLab()
        let token = try await lab.tokens(try await lab.newClient())["access_token"]?.stringValue
        let grant = try #require(lab.service.grants(of: "ada-id").first)
        #expect(grant.clientName == "Lab")
        #expect(try await !lab.service.revoke(grant.id, of: "bob"))
        #expect(lab.principal(token) != nil)
        #expect(try await lab.service.revoke(grant.id, of: "ada-id"))
        #expect(lab.principal(token) == nil && lab.service.grants(of: "ada-id").isEmpty)
    }

    @Test func `a client that connects anew ends the grant that has rested longest`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        var tokens: [String?] = []
        for _ in 0...Store.grantShare {
            lab.fixture.advance(5)
            tokens.append(try await lab.tokens(client)["access_token"]?.stringValue)
        }
        #expect(lab.principal(tokens[0]) == nil && lab.principal(tokens[1]) != nil)
        #expect(lab.ended.withLock { $0.count } == 1)
    }
}

/// Base64 of a text.
enum Base64Text {
    static func encode(_ text: String) -> String { Crypto.Base64.encode(Array(text.utf8)) }
}
