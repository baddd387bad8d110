// How OAuth's clients become known, and how they find OAuth.
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

@IO @Suite struct OAuthClientsTests {
    @Test(arguments: [
        "https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback",
        "https://chatgpt.com/connector_platform_oauth_redirect", "https://vscode.dev/redirect",
        "http://localhost:3118/callback", "cursor://anysphere.cursor-retrieval/oauth/cb",
    ])
    func `the callbacks of public clients are taken as they are`(callback: String) async throws {
        let lab = try await OAuthLab()
        let client = try await lab.newClient([callback])
        let (_, back) = try await lab.decide(lab.query(client, callback))
        #expect(back?.string?.hasPrefix(callback + "?code=") == true)
    }

    @Test func `an operator adds clients and removes them with what they were granted`()
        async throws
    {
        let lab = try await OAuthLab()
        let desk = Administration(
            folder: DataFolder(lab.fixture.folder.path, environment: [:]), store: lab.fixture.store)
        func ask(_ request: JSON) async -> JSON { await desk.reply(to: request) }
        let added = await ask([
            "command": "clients add", "name": "Desk", "redirects": ["https://desk.example/cb"],
        ])
        let id = try #require(added["ok"]?["client_id"]?.stringValue)
        for (name, redirects) in [
            ("Desk", []), ("a\nb", ["https://x.example/"]),
            ("x", ["http://x.example/"]),
        ] as [(String, JSON)] {
            let refused = await ask([
                "command": "clients add", "name": .string(name), "redirects": redirects,
            ])
            #expect(refused["error"] != nil)
        }
        let page = try await lab.ask(lab.query(id, "https://desk.example/cb"))
        #expect(page.text.contains("added by the operator"))
        let code = try await lab.code(id, "https://desk.example/cb")
        let answer = try await lab.redeem(
            code, id, change: [("redirect_uri", "https://desk.example/cb")])
        #expect(answer.status == 200)
        let listed = await ask(["command": "clients"])
        #expect(listed["ok"]?["grants"]?[0]?["client"] == "Desk")
        #expect(listed["ok"]?["clients"]?[0]?["origin"] == "added")
        let grant = listed["ok"]?["grants"]?[0]?["grant"] ?? .null
        let removed = await ask(["command": "clients remove", "id": .string(id)])
        #expect(removed["ok"]?["grants"] == [grant])
        #expect(await ask(["command": "clients remove", "id": .string(id)])["error"] != nil)
        #expect(await ask(["command": "clients revoke", "id": grant])["error"] != nil)
        try await lab.service.reload()
        #expect(lab.ended.withLock { $0.map(JSON.string) } == [grant])
    }

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
        // Cursor calls itself a client of the web, and has addresses of all kinds.
        let web = try await lab.register(
            ["cursor://anysphere.cursor-mcp/oauth/callback", "http://localhost:8787/callback"],
            more: ["application_type": "web"])
        #expect(web.status == 201)
        // An answer's own parameter in the address would stand before the answer's.
        for name in ["iss", "code", "st%61te"] {
            let taken = try await lab.register(["https://h.example/cb?\(name)=x"])
            #expect(taken.refusal == "invalid_redirect_uri", "\(name)")
        }
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

    @Test func `each address has its registrations, and all together have theirs`() async throws {
        let lab = try await OAuthLab()
        // How many of 30 are taken.
        func taken(_ address: String?, after time: Duration = .zero) async throws -> Int {
            lab.peer.withLock { $0 = address }
            lab.time.withLock { $0 += time }
            var count = 0
            for _ in 0..<30 {
                let answer = try await lab.register([OAuthLab.callback])
                if answer.status == 201 { count += 1 } else { try expectPutOff(answer) }
            }
            return count
        }
        for (address, time, count) in [
            ("192.0.2.1", .zero, 20), ("192.0.2.2", .zero, 20), (nil, .zero, 20), (nil, .zero, 0),
            ("192.0.2.3", .zero, 0), ("192.0.2.1", .seconds(60), 1), (nil, .zero, 29),
        ] as [(String?, Duration, Int)] {
            let found = try await taken(address, after: time)
            #expect(found == count, "\(address ?? "this machine") after \(time)")
        }
    }

    private func expectPutOff(_ answer: HTTPResponse) throws {
        #expect(answer.status == 429 && answer.header("retry-after") == "60")
        #expect(answer.header("content-type") == "application/json")
        #expect(answer.refusal == "temporarily_unavailable")
    }

    @Test(arguments: ["192.0.2.1", nil] as [String?])
    func `failures have a rate, and never shut out what is good`(address: String?) async throws {
        let lab = try await OAuthLab()
        lab.peer.withLock { $0 = address }
        let client = try await lab.newClient()
        let old = try await lab.tokens(client)["refresh_token"]?.stringValue ?? ""
        let code = try await lab.code(client)
        let burst = address == nil ? OAuthDoor.failureBurstOfAll : OAuthDoor.failureBurst
        for _ in 0..<burst {
            #expect(try await lab.refresh("hlr_guess", client).refusal == "invalid_grant")
        }
        try expectPutOff(try await lab.refresh("hlr_guess", client))
        try expectPutOff(try await lab.form("/oauth/revoke", []))
        #expect(try await lab.refresh(old, client).status == 200)
        #expect(try await lab.redeem(code, client).status == 200)
        lab.time.withLock { $0 += .seconds(1) }
        #expect(try await lab.refresh("hlr_guess", client).refusal == "invalid_grant")
    }

    @Test func `where nobody can log in, no path is there for any method`() async throws {
        let lab = try await OAuthLab()
        try await lab.set(people: [])
        for path in [
            "/oauth/token", "/oauth/revoke", "/oauth/register", "/oauth/authorize",
            "/.well-known/oauth-authorization-server",
        ] {
            for method in ["GET", "POST", "OPTIONS", "DELETE"] {
                let answer = try await lab.client.send(method, path)
                #expect(answer.status == 404, "\(method) \(path)")
                #expect(answer.text.contains("there is no OAuth here"))
                #expect(answer.header("allow") == nil)
                #expect(answer.header("access-control-allow-origin") == nil)
            }
        }
    }

    /// What another site's page can send, with the person's cookie, decides nothing.
    @Test func `a decision counts with its session's token alone, from the relay's own page`()
        async throws
    {
        let lab = try await OAuthLab()
        let query = lab.query(try await lab.newClient())
        let other = try await LoggedIn(try #require(lab.visitors.person), lab.sessions)
        for token in ["", "x", other.formToken] {
            let forged = try await lab.decide(query, token: token)
            #expect(forged.response.status == 403 && forged.back == nil, "\(token)")
        }
        let bare = try await lab.form(
            "/oauth/authorize",
            [("request", query), ("decision", "allow"), ("scope", "fleet:read")],
            headers: ["Cookie": lab.visitors.cookie, "Origin": lab.origin])
        #expect(bare.status == 403 && bare.header("refresh") == nil)
        for change in [
            ("Origin", nil), ("Origin", "null"), ("Origin", "https://evil.example"),
            ("Origin", lab.origin + ".evil.example"), ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"), ("Cookie", nil), ("Cookie", other.cookie),
        ] as [(String, String?)] {
            let forged = try await lab.decide(query, change: [change])
            #expect(forged.response.status == 403 && forged.back == nil, "\(change)")
        }
        #expect(try await lab.decide(query).back?["code"] != nil)
        let old = try await lab.decide(query, change: [("Sec-Fetch-Site", nil)])
        #expect(old.back?["code"] != nil)
    }

    @Test func `registrations fill nothing`() async throws {
        let lab = try await OAuthLab()
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
