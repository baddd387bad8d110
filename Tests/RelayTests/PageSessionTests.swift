// Who is logged in on the pages, and which forms count, without a browser.
import HTTP
import Loop
import Support
import Testing
import Wire

@testable import homeline_relay

@IO @Suite struct PageSessionTests {
    /// A person who is logged in.
    @IO private struct Fixture {
        let store: StoreFixture
        let door = WebDoor()
        let sessions: PageSessions
        let person: Person
        let cookie: String

        init(_ url: String = "https://relay.example/home/mcp") async throws {
            store = try await StoreFixture()
            let address = try #require(WebAddress(mcp: url))
            door.address = address
            sessions = PageSessions(store.store, door)
            person = try await store.store.invitePerson(name: "anna", scopes: [.filesRead]).person
            try await store.store.addPasskey(.made(1, of: person.id))
            try await sessions.reload()
            let field = try await sessions.open(
                for: person, by: [1], try HTTPRequest(method: "POST", target: "/login/finish"))
            cookie = String(field.prefix { $0 != ";" })
        }

        func request(
            _ headers: HTTPHeaders = [:], method: String = "GET", body: String = ""
        ) throws -> HTTPRequest {
            var headers = headers
            if headers["Cookie"] == nil { headers["Cookie"] = cookie }
            return try HTTPRequest(
                method: method, target: "/", headers: headers, body: Array(body.utf8))
        }
    }

    @Test func `a cookie names its session until that ends`() async throws {
        let fixture = try await Fixture()
        let sessions = fixture.sessions
        #expect(fixture.cookie.hasPrefix("__Host-homeline="))
        let visitor = try #require(sessions.visitor(of: try fixture.request()))
        #expect(visitor.person == fixture.person)
        for cookie in [
            "", "homeline=\(fixture.cookie.dropFirst(16))", fixture.cookie + "x",
            "\(fixture.cookie); __Host-homeline=other",
        ] {
            #expect(sessions.visitor(of: try fixture.request(["Cookie": cookie])) == nil)
        }
        let among = "a=b; \(fixture.cookie); c=d"
        #expect(sessions.visitor(of: try fixture.request(["Cookie": among])) != nil)
        // Another process of the relay has the same sessions.
        let other = PageSessions(fixture.store.store, fixture.door)
        try await other.reload()
        #expect(other.visitor(of: try fixture.request())?.formToken == visitor.formToken)
        // Uses keep it, and are stored.
        for _ in 0..<3 {
            fixture.store.advance(PageSessionRecord.idle - 1)
            #expect(sessions.visitor(of: try fixture.request()) != nil)
            try await sessions.save()
            try await sessions.reload()
        }
        fixture.store.advance(PageSessionRecord.idle)
        #expect(sessions.visitor(of: try fixture.request()) == nil)
    }

    @Test func `a session lasts a week at most`() async throws {
        let fixture = try await Fixture()
        for _ in 0..<(7 * 24 - 1) {
            fixture.store.advance(3600)
            #expect(fixture.sessions.visitor(of: try fixture.request()) != nil)
        }
        fixture.store.advance(3600)
        #expect(fixture.sessions.visitor(of: try fixture.request()) == nil)
    }

    @Test func `it ends by hand, with its passkey and with its person`() async throws {
        for end: @IO (Fixture, Visitor) async throws -> Void in [
            { try await $0.sessions.close($1.session, of: $0.person.id) },
            { fixture, _ in fixture.sessions.forget(passkey: [1], keeping: "") },
            { fixture, _ in fixture.sessions.forget(person: fixture.person.id) },
            { fixture, _ in
                _ = try await fixture.store.store.revokePerson("anna")
                #expect(try await fixture.sessions.reload() == [fixture.person])
            },
        ] {
            let fixture = try await Fixture()
            let visitor = try #require(fixture.sessions.visitor(of: try fixture.request()))
            try await end(fixture, visitor)
            #expect(fixture.sessions.visitor(of: try fixture.request()) == nil)
        }
    }

    @Test func `a form counts only from the relay's own page, with its token`() async throws {
        let fixture = try await Fixture()
        let sessions = fixture.sessions
        let visitor = try #require(sessions.visitor(of: try fixture.request()))
        let own: HTTPHeaders = [
            "Origin": "https://relay.example", "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        ]
        func takes(_ headers: HTTPHeaders, _ body: String) throws -> Bool {
            let request = try fixture.request(headers, method: "POST", body: body)
            return sessions.form(of: request, from: visitor)?["a"] == "b c"
        }
        let body = "a=b+c&token=\(visitor.formToken)"
        #expect(try takes(own, body))
        var changed = own
        changed["Sec-Fetch-Site"] = nil
        #expect(try takes(changed, body))
        for (name, value) in [
            ("Origin", nil), ("Origin", "null"), ("Origin", "https://relay.example.evil"),
            ("Origin", "http://relay.example"), ("Origin", "https://relay.example:444"),
            ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "cross-site"),
            ("Content-Type", "text/plain"), ("Content-Type", nil),
        ] as [(String, String?)] {
            var changed = own
            changed[name] = value
            #expect(try !takes(changed, body), "\(name): \(value ?? "")")
        }
        for body in ["a=b+c", "a=b+c&token=", "a=b+c&token=x", body + "&token=x", body + "x"] {
            #expect(try !takes(own, body), "\(body)")
        }
    }

    @Test func `a challenge is good for one answer, for its purpose, in its time`() {
        var challenges = Challenges()
        func make(_ purpose: Challenges.Purpose, _ now: Int64) -> [UInt8]? {
            challenges.make(for: purpose, now: now)
        }
        func take(_ purpose: Challenges.Purpose, _ now: Int64) -> [UInt8]? {
            challenges.take(for: purpose, now: now)
        }
        let first = make(.login([1]), 0)
        #expect(first?.count == 32)
        #expect(take(.login([2]), 1) == nil)
        #expect(take(.welcome([1]), 1) == nil)
        #expect(take(.login([1]), 1) == first)
        #expect(take(.login([1]), 1) == nil)
        let (second, third) = (make(.login([1]), 0), make(.login([1]), 0))
        #expect(challenges.count == 1 && second != third)
        #expect(take(.login([1]), Challenges.lifetime) == nil)
        for number in 0..<Challenges.limit {
            #expect(make(.passkey("\(number)"), 0) != nil)
        }
        #expect(make(.passkey("more"), 1) == nil)
        #expect(make(.passkey("1"), 1) != nil)
        #expect(make(.passkey("more"), Challenges.lifetime) != nil)
        #expect(challenges.count == 2)
    }

    @Test(
        arguments: [
            ("", ""), ("approvals", "approvals"), ("approve/x_-Y", "approve/x_-Y"), ("?a", "?a"),
            ("oauth/authorize?a=b&c=https%3A//d/../e", "oauth/authorize?a=b&c=https%3A//d/../e"),
            ("/evil.example", ""), ("//evil.example", ""), ("a//b", ""), ("../mcp", ""),
            ("a/%2e%2E/b", ""), ("a/..", ""), ("./a", ""), ("\\\\evil", ""), ("a b", ""),
            ("a\nb", ""), ("é", ""), (String(repeating: "a", count: 9000), ""),
        ])
    func `the login page leads back to a page of the relay`(given: String, path: String) {
        #expect(BackPath(given).text == path)
    }

    @Test(
        arguments: [
            ("https://relay.example/mcp", true), ("https://relay.example:8443/x/mcp", true),
            ("http://127.0.0.1:8642/mcp", true), ("http://[::1]:8642/mcp", true),
            ("http://localhost/mcp", true), ("http://a.localhost:1/mcp", true),
            ("http://relay.example/mcp", false), ("https://192.0.2.1/mcp", false),
            ("http://10.0.0.1:8642/mcp", false), ("https://[2001:db8::1]/mcp", false),
        ])
    func `passkeys need TLS and a name, or this machine`(url: String, works: Bool) throws {
        let address = try #require(WebAddress(mcp: url))
        #expect((address.obstacle == nil) == works)
    }

    @Test(
        arguments: [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                    + "Chrome/156.0 Safari/537.36", "Chrome on Linux"
            ),
            ("Mozilla/5.0 (Windows NT 10.0) … Chrome/1 Safari/1 Edg/1", "Edge on Windows"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari/604",
                "Safari on iPhone"
            ),
            ("Mozilla/5.0 (X11; Linux) Gecko/1 Firefox/150.0", "Firefox on Linux"),
            ("", "A browser"), ("\u{1b}[2J<b>", "A browser"),
        ])
    func `a browser is named by a few known words`(agent: String, name: String) {
        #expect(BrowserName.of(agent) == name)
    }
}
