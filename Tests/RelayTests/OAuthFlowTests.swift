// OAuth as clients and browsers meet it over HTTP, and as others try to get around it.
import Crypto
import Foundation
import HTTP
import JSON
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_relay

@IO @Suite struct OAuthFlowTests {
    @Test func `a client that registers gets tokens for what the person allows`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let page = try await lab.ask(lab.query(client))
        #expect(page.status == 200)
        #expect(page.text.contains("Let Lab use this relay?"))
        #expect(page.text.contains("<strong>claude.ai</strong>"))
        #expect(page.text.contains("Unverified"))
        #expect(page.text.contains("value=\"sessions:exec\" checked"))
        #expect(page.text.contains("value=\"sessions:read\"> "))
        #expect(!page.text.contains("value=\"files:read\""))

        let (response, back) = try await lab.decide(lab.query(client), pattern: "lab-*")
        #expect(response.status == 200)
        #expect(back?.host == "claude.ai" && back?.path == "/api/mcp/auth_callback")
        #expect(back?["state"] == "st&te=1")
        #expect(back?["iss"] == lab.issuer)
        let answer = try await lab.redeem(try #require(back?["code"]), client)
        #expect(answer.status == 200)
        #expect(answer.header("cache-control") == "no-store")
        let json = try JSON(parsing: answer.body)
        #expect(json["token_type"] == "Bearer" && json["expires_in"] == 3600)
        #expect(json["scope"] == "fleet:read sessions:exec")

        let principal = try #require(lab.principal(json["access_token"]?.stringValue))
        #expect(principal.id == "ada-id" && principal.name == "ada" && principal.client == "Lab")
        #expect(principal.scopes == [.fleetRead, .sessionsExec])
        #expect(principal.pattern.allows(agent: "lab-1", tags: []))
        #expect(!principal.pattern.allows(agent: "web", tags: []))
        #expect(lab.access.principal(id: "ada-id")?.scopes.count == 3)
        // A refresh token is no access token.
        #expect(lab.principal(json["refresh_token"]?.stringValue) == nil)
    }

    @Test func `without people, or where it is closed, there is no OAuth`() async throws {
        let lab = try await OAuthLab()
        try await lab.set(people: [])
        for path in [
            "/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server",
            "/oauth/authorize?client_id=x",
        ] {
            let answer = try await lab.get(path)
            #expect(answer.status == 404)
            #expect(answer.text.contains("there is no OAuth here"))
        }
        #expect(try await lab.register([OAuthLab.callback]).status == 404)
        let plain = try await OAuthLab(publicURL: "http://relay.example/mcp")
        #expect(try await plain.get("/.well-known/oauth-authorization-server").status == 404)
    }

    @Test func `a person's rights bound those of a client, now and later`() async throws {
        let lab = try await OAuthLab(scopes: [.fleetRead, .sessionsExec], pattern: "lab-*,web/db")
        let client = try await lab.newClient()
        let (_, back) = try await lab.decide(
            lab.query(client), scopes: ["fleet:read", "files:write", "admin"], pattern: "*-1")
        let answer = try await lab.redeem(try #require(back?["code"]), client)
        let json = try JSON(parsing: answer.body)
        #expect(json["scope"] == "fleet:read")
        let token = json["access_token"]?.stringValue
        let principal = try #require(lab.principal(token))
        #expect(principal.pattern.allows(agent: "lab-1", tags: []))
        #expect(!principal.pattern.allows(agent: "lab-2", tags: []))
        #expect(!principal.pattern.allows(agent: "web-1", tags: []))

        var ada = try #require(lab.visitors.person)
        try await lab.set(people: [
            Person(id: ada.id, name: ada.name, scopes: [.filesRead], pattern: .all, created: 0)
        ])
        #expect(lab.principal(token)?.scopes == [])
        #expect(lab.ended.withLock { $0 } == [principal.grant])
        ada.revoked = 1
        try await lab.set(people: [])
        #expect(lab.principal(token) == nil)
        #expect(try await lab.fixture.store.grants().isEmpty)
        try await lab.set(people: [ada])
        #expect(lab.principal(token) == nil)
    }

    // MARK: The authorization endpoint

    /// Each is refused to the person alone: no link leads there.
    @Test(arguments: [
        "https://claude.ai/api/mcp/auth_callback/", "https://claude.ai/api/mcp/auth_callback?x=1",
        "https://claude.ai/api/mcp/auth_callback2", "https://claude.ai/api/mcp/",
        "https://claude.ai.evil.example/api/mcp/auth_callback",
        "https://evil.example/https://claude.ai/api/mcp/auth_callback",
        "https://claude.ai@evil.example/api/mcp/auth_callback",
        "https://claude.ai:444/api/mcp/auth_callback", "https://claude.ai/api/mcp/auth_callback#x",
        "https://claude.ai\\@evil.example/api/mcp/auth_callback",
        "http://claude.ai/api/mcp/auth_callback", "//claude.ai/api/mcp/auth_callback",
        "HTTPS://claude.ai/api/mcp/auth_callback", "https://claude.ai/api/mcp/%61uth_callback",
        "https://CLAUDE.AI/api/mcp/auth_callback", "https://claude.ai/api/mcp/../mcp/auth_callback",
        "javascript:alert(1)", "data:text/html,x", "", "https://claude.ai/api/mcp/auth_callback\t",
    ])
    func `a redirect URI that the client has not named leads nowhere`(redirect: String) async throws
    {
        let lab = try await OAuthLab()
        let client = try await lab.newClient([
            OAuthLab.callback, "https://claude.com/api/mcp/auth_callback",
        ])
        let query = lab.query(client, redirect)
        for answer in [try await lab.ask(query), try await lab.decide(query).response] {
            #expect(answer.status == 400)
            #expect(answer.header("location") == nil && answer.header("refresh") == nil)
            #expect(!answer.text.contains("<a "))
        }
    }

    @Test(arguments: [
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:50123/cb", true),
        ("http://localhost/cb", "http://localhost:50123/cb", true),
        ("http://[::1]:1/cb", "http://[::1]:2/cb", true),
        ("http://127.0.0.1:1/cb", "http://localhost:1/cb", false),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb2", false),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb?x", false),
        ("https://localhost:1/cb", "https://localhost:2/cb", false),
        (
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "cursor://anysphere.cursor-mcp/oauth/callback", true
        ),
    ])
    func `a program on the person's computer comes back to any port`(
        named: String, asked: String, isTaken: Bool
    ) async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient([named])
        let answer = try await lab.ask(lab.query(client, asked))
        #expect(answer.status == (isTaken ? 200 : 400))
        guard isTaken else { return }
        #expect(answer.text.contains("on the computer") || answer.text.contains("on this computer"))
        let code = try await lab.code(client, asked)
        let wrong = try await lab.redeem(code, client, change: [("redirect_uri", named + "x")])
        #expect(wrong.refusal == "invalid_grant")
    }

    @Test(
        arguments: [
            ("code_challenge", nil, "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("code_challenge_method", nil, "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", nil, "invalid_request"),
            ("response_mode", "fragment", "invalid_request"),
            ("resource", "https://other.example/mcp", "invalid_target"),
            ("request", "ey", "invalid_request"), ("request_uri", "https://x", "invalid_request"),
        ] as [(String, String?, String)])
    func `what is wrong is told to the client, at the person's click`(
        name: String, value: String?, code: String
    ) async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let answer = try await lab.ask(lab.query(client, change: [(name, value)]))
        #expect(answer.status == 400)
        #expect(answer.header("location") == nil && answer.header("refresh") == nil)
        let link = "<a href=\"https://claude.ai/api/mcp/auth_callback?error=\(code)"
        #expect(answer.text.contains(link))
        #expect(answer.text.contains("iss=") && answer.text.contains("state=st%26te%3D1"))
    }

    @Test func `a parameter that comes twice is refused`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let query = lab.query(client)
        for more in ["&client_id=\(client)", "&redirect_uri=https://evil.example/"] {
            let answer = try await lab.ask(query + more)
            #expect(answer.status == 400 && !answer.text.contains("<a "))
        }
        #expect(try await lab.ask(query + "&state=x").text.contains("error=invalid_request"))
        #expect(try await lab.ask(query + "&scope=admin").text.contains("error=invalid_request"))
        let code = try await lab.code(client)
        let twice = try await lab.client.post(
            "/oauth/token", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array(
                ("grant_type=authorization_code&client_id=\(client)&client_id=\(client)"
                    + "&code=\(code)&code_verifier=\(OAuthLab.verifier)").utf8))
        #expect(twice.refusal == "invalid_request")
    }

    @Test func `who is not logged in logs in first; unknown clients are told before`() async throws
    {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let query = lab.query(client)
        let answer = try await lab.ask(query, cookie: false)
        #expect(answer.status == 303)
        #expect(
            answer.header("location")
                == "/login?back=" + FormBody.encoded("oauth/authorize?\(query)"))
        // Some clients look for 400 before they open a browser (fastmcp).
        let unknown = try await lab.ask(lab.query("hlc_unknown"), cookie: false)
        #expect(unknown.status == 400)
    }

    @Test func `a decision needs the page's own form, and the pages cannot be framed`() async throws
    {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let query = lab.query(client)
        let page = try await lab.ask(query)
        #expect(page.header("x-frame-options") == "DENY")
        let policy = page.header("content-security-policy") ?? ""
        #expect(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"))
        #expect(page.header("cache-control") == "no-store")
        let forged = try await lab.decide(query, token: "guess")
        #expect(forged.response.status == 403 && forged.back == nil)
        let stranger = try await lab.form(
            "/oauth/authorize",
            [("token", "form-token"), ("request", query), ("decision", "allow")])
        #expect(stranger.status == 403 && stranger.header("refresh") == nil)
        // GET decides nothing.
        let got = try await lab.get(
            "/oauth/authorize?\(query)&decision=allow&token=form-token", cookie: true)
        #expect(got.header("refresh") == nil)
        #expect(try await lab.fixture.store.grants().isEmpty)
    }

    @Test func `a refusal and a bad choice give no code`() async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient()
        let query = lab.query(client)
        let (_, back) = try await lab.decide(query, "deny")
        #expect(back?["error"] == "access_denied" && back?["code"] == nil)
        #expect(back?["iss"] == lab.issuer && back?["state"] == "st&te=1")
        for (scopes, pattern) in [([], "*"), (["fleet:read"], "a//"), (["files:read"], "*")]
            as [([String], String)]
        {
            let (again, none) = try await lab.decide(query, scopes: scopes, pattern: pattern)
            #expect(none == nil)
            #expect(again.text.contains("role=\"alert\""))
        }
        let parts = Array(repeating: "a", count: 40).joined(separator: ",")
        #expect(try await lab.decide(query, pattern: parts).back == nil)
    }

    @Test func `what a program says of itself stays text`() async throws {
        let lab = try await OAuthLab()
        let answer = try await lab.register(
            [OAuthLab.callback], more: ["client_name": "<script>x</script>\u{202e}\n\"'&"])
        let client = try #require(try JSON(parsing: answer.body)["client_id"]?.stringValue)
        let page = try await lab.ask(lab.query(client, change: [("state", "\"><script>y")]))
        #expect(!page.text.contains("<script") && !page.text.contains("\u{202e}"))
        #expect(page.text.contains("&lt;script&gt;x"))
    }

    // MARK: Tokens

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

    // MARK: Registration

    @Test func `a registration says what is in force`() async throws {
        let lab = try await OAuthLab()
        let answer = try await lab.register(
            ["http://localhost:3000/cb"],
            more: [
                "token_endpoint_auth_method": "client_secret_post", "scope": "admin",
                "grant_types": ["authorization_code", "refresh_token", "implicit"],
            ])
        #expect(answer.status == 201)
        let json = try JSON(parsing: answer.body)
        #expect(json["token_endpoint_auth_method"] == "none" && json["client_secret"] == nil)
        #expect(json["grant_types"] == ["authorization_code", "refresh_token"])
        #expect(json["application_type"] == "native" && json["client_id_issued_at"] == 1_000)
    }

    @Test(arguments: [
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://evil.example/",
        "https://a.example/#f", "https://u@a.example/", "vbscript:x", "ms-msdt:x", "/relative",
        "https://", "blob:https://a.example/1", "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/", "https://a b.example/", "view-source:https://a.example",
    ])
    func `a redirect URI to which no code may go is not registered`(uri: String) async throws {
        let lab = try await OAuthLab()
        let answer = try await lab.register([OAuthLab.callback, uri])
        #expect(answer.status == 400 && answer.refusal == "invalid_redirect_uri")
        #expect(try await lab.fixture.store.clients().isEmpty)
    }

    @Test func `registrations that are not what they should be are refused`() async throws {
        let lab = try await OAuthLab()
        #expect(try await lab.register([]).status == 400)
        let web = try await lab.register(
            ["http://localhost/cb"], more: ["application_type": "web"])
        #expect(web.refusal == "invalid_redirect_uri")
        let implicit = try await lab.register(
            [OAuthLab.callback], more: ["response_types": ["token"]])
        #expect(implicit.refusal == "invalid_client_metadata")
        for body in ["", "[]", "{", "{\"redirect_uris\":1}", "null"] {
            #expect(
                try await lab.client.post("/oauth/register", body: Array(body.utf8)).status == 400)
        }
        let long = try await lab.register(
            [OAuthLab.callback], more: ["x": .string(String(repeating: "a", count: 40_000))])
        #expect(long.status == 413)
    }

    @Test func `a flood of registrations is refused, and fills nothing`() async throws {
        let lab = try await OAuthLab()
        var refused = 0
        for _ in 0..<80 {
            let answer = try await lab.register([OAuthLab.callback])
            if answer.status == 429 { refused += 1 }
        }
        #expect(refused >= 15)
        let store = lab.fixture.store
        func add(_ number: Int) async throws(StoreError) {
            try await store.addClient(
                OAuthClient(
                    id: "c\(number)", name: "c", redirects: [], origin: .registered,
                    created: store.now()))
        }
        await #expect(throws: StoreError.tooManyClients(limit: Store.clientLimit)) {
            for number in 0...Store.clientLimit { try await add(number) }
        }
        lab.fixture.advance(Store.clientPatience)
        try await add(5000)
        #expect(try await store.clients().count == Store.clientLimit)
        lab.fixture.advance(Store.unusedClientLifetime)
        try await lab.service.sweep()
        #expect(try await store.clients().isEmpty)
    }

    // MARK: Discovery

    @Test func `metadata is where clients look, and says one thing`() async throws {
        let lab = try await OAuthLab(publicURL: "https://relay.example/home/mcp")
        for path in [
            "/.well-known/oauth-protected-resource/home/mcp",
            "/.well-known/oauth-protected-resource",
            "/home/.well-known/oauth-protected-resource/mcp",
            "/.well-known/oauth-protected-resource/mcp",
        ] {
            let json = try await lab.json(path)
            #expect(json["resource"] == "https://relay.example/home/mcp")
            #expect(json["authorization_servers"] == ["https://relay.example/home"])
            #expect(json["scopes_supported"] == ["fleet:read", "sessions:read"])
        }
        for path in [
            "/.well-known/oauth-authorization-server/home",
            "/.well-known/openid-configuration/home", "/home/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
        ] {
            let json = try await lab.json(path)
            #expect(json["issuer"] == "https://relay.example/home")
            #expect(json["code_challenge_methods_supported"] == ["S256"])
            #expect(json["token_endpoint"] == "https://relay.example/home/oauth/token")
            #expect(json["client_id_metadata_document_supported"] == true)
        }
        let answer = try await lab.get("/.well-known/oauth-authorization-server")
        #expect(answer.header("access-control-allow-origin") == "*")
        let preflight = try await lab.client.send("OPTIONS", "/oauth/token")
        #expect(preflight.status == 204)
        #expect(preflight.header("access-control-allow-methods") == "POST")
    }

    @Test func `on loopback a client is shown the name that it has used, and no other`()
        async throws
    {
        let lab = try await OAuthLab()
        let path = "/.well-known/oauth-protected-resource/mcp"
        func resource(_ host: String) async throws -> JSON? {
            let answer = try await HTTPClient(host: host) {
                [port = lab.port] () async throws(NetError) in
                try await SocketStream.connect(host: "127.0.0.1", port: port)
            }.get(path)
            return try JSON(parsing: answer.body)["resource"]
        }
        let port = lab.port
        for host in ["127.0.0.1:\(port)", "localhost:\(port)", "[::1]:\(port)"] {
            #expect(try await resource(host)?.stringValue == "http://\(host)/mcp")
            #expect(lab.service.address?.accepts(resource: "http://\(host)/mcp/") == true)
        }
        for host in ["evil.example:\(port)", "localhost:1", "localhost"] {
            #expect(try await resource(host)?.stringValue == "http://localhost:\(port)/mcp")
        }
        #expect(lab.service.address?.accepts(resource: "http://localhost:1/mcp") == false)
    }
}

/// Base64 of a text.
enum Base64Text {
    static func encode(_ text: String) -> String { Crypto.Base64.encode(Array(text.utf8)) }
}
