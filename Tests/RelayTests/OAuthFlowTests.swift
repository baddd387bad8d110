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
            #expect(!answer.text.contains("<a href=\"http") && !answer.text.contains("href=\"java"))
        }
    }

    @Test(arguments: [
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:50123/cb", true),
        ("http://localhost/cb", "http://localhost:50123/cb", true),
        ("http://[::1]:1/cb", "http://[::1]:2/cb", true),
        ("http://127.0.0.1:33418/", "http://127.0.0.1:40001", true),
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
            #expect(answer.status == 400 && !answer.text.contains("<a href=\"http"))
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
                == lab.issuer + "/login?to=" + PercentText.value("oauth/authorize?\(query)"))
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
            [("token", lab.visitors.formToken), ("request", query), ("decision", "allow")])
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
        for (scopes, pattern) in [([], "*"), (["fleet:read"], "a,,b"), (["files:read"], "*")]
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
}
