// OAuth's parts without a connection: addresses, patterns, codes, documents.
import Configuration
import Crypto
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct OAuthPartsTests {
    @Test(arguments: [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "0.0.0.0", "0.1.2.3", "192.0.0.8",
        "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.88.99.1", "::", "::1", "fc00::1",
        "fd12::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "2001:db8::1", "2001::1", "2001:1::1", "2002:7f00:1::",
        "3fff::1", "100::1", "5f00::1", "::7f00:1", "fec0::1", "4000::1",
    ])
    func `no address outside of the public Internet is dialled`(text: String) throws {
        #expect(try !#require(SocketAddress(ip: text, port: 443)).isPublic)
    }

    @Test(arguments: [
        "8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "11.0.0.1",
        "169.253.0.1", "192.0.1.1", "198.17.0.1", "198.20.0.1", "203.0.112.1", "223.255.255.255",
        "2606:4700::1", "2a00:1450::1", "2001:200::1", "2001:4860::8888", "3ffe::1", "2003::1",
    ])
    func `addresses of the public Internet are`(text: String) throws {
        #expect(try #require(SocketAddress(ip: text, port: 443)).isPublic)
    }

    @Test func `what two patterns have in common fits both, and nothing is missing`() {
        var generator = Seeded(state: 11)
        func random(_ letters: String, _ most: Int) -> String {
            String(
                (0..<Int.random(in: 0...most, using: &generator)).map { _ in
                    letters.randomElement(using: &generator) ?? "a"
                })
        }
        for _ in 0..<3000 {
            let (one, other) = (random("ab*?", 5), random("ab*?", 5))
            let common = Glob.intersection(one, other, limit: 1000)
            for _ in 0..<20 {
                let text = random("ab", 6)
                let both = Glob.matches(one, text) && Glob.matches(other, text)
                let found = common.contains { Glob.matches($0, text) }
                #expect(both == found, "\(one) & \(other) = \(common): \(text)")
            }
        }
        #expect(Glob.intersection("lab-*", "*-1").sorted() == ["lab-*-1", "lab-1"])
        #expect(Glob.intersection("a", "b") == [])
        let stars = String(repeating: "*a", count: 200)
        #expect(Glob.intersection(stars, String(repeating: "*b", count: 200)).count <= 64)
    }

    @Test(arguments: [
        ("*", "web/db-?", "web", "db-1", true), ("*", "web/db-?", "web", "db-10", false),
        ("lab-*", "*-1", "lab-1", "x", true), ("lab-*", "*-1", "lab-2", "x", false),
        ("lab/deploy@*", "lab/web-*:22", "lab", "deploy@web-1:22", true),
        ("lab/deploy@*", "lab/web-*:22", "lab", "root@web-1:22", false),
        ("lab/deploy@*", "lab/web-*:22", "lab", "deploy@web-1:23", false),
        ("lab/deploy@*", "lab/web-*:22", "lab", "deploy@db:22", false),
        ("tag:a", "lab/x", "lab", "x", true), ("tag:b", "lab/x", "lab", "x", false),
        ("lab/[::1]", "lab/*", "lab", "::1", true),
        ("lab/10.0.0.1", "lab/10.*", "lab", "10.0.0.1", true),
    ])
    func `a grant within a person reaches what both do, at the relay and at the agent`(
        grant: String, person: String, agent: String, target: String, isAllowed: Bool
    ) throws {
        let both = try #require(AccessPattern(grant)).within(try #require(AccessPattern(person)))
        let name = try TargetName(target)
        #expect(both.allows(agent: agent, tags: ["a"], target: name) == isAllowed)
        let reach = both.reach(agent: agent, tags: ["a"]).map(HostPattern.init)
        let isReached = reach.contains {
            $0.matches(host: name.host, user: name.user, port: name.port)
        }
        #expect(isReached == isAllowed, "\(reach.map(\.description))")
    }

    @Test func `a pattern within everything, or everything within it, is itself`() throws {
        let lab = try #require(AccessPattern("lab"))
        #expect(lab.within(.all) == lab && AccessPattern.all.within(lab) == lab)
        #expect(lab.within(lab) == lab)
        let person = Person(id: "p", name: "p", scopes: [.filesRead], pattern: lab, created: 0)
        func rights(_ scopes: Set<Scope>, of person: Person) -> Set<Scope> {
            GrantRecord(
                id: "g", person: "p", client: "c", clientName: "c", scopes: scopes, pattern: .all,
                resource: "", created: 0
            ).principal(of: person).scopes
        }
        #expect(rights([.admin], of: person) == [.filesRead])
        #expect(rights([.filesRead, .filesWrite], of: person) == [.filesRead])
        let admin = Person(id: "p", name: "p", scopes: [.admin], pattern: lab, created: 0)
        #expect(rights([.filesWrite], of: admin) == [.filesWrite])
        #expect(rights([.admin], of: admin) == [.admin])
    }

    @Test func `codes are few, and used ones are remembered for a while`() throws {
        var book = CodeBook()
        func ticket(_ id: String) -> CodeTicket {
            CodeTicket(
                client: OAuthClient(id: "c", name: "c", redirects: [], origin: .added),
                redirect: "", challenge: "",
                grant: GrantRecord(
                    id: id, person: "p", client: "c", clientName: "c", scopes: [], pattern: .all,
                    resource: "", created: 0))
        }
        let first = book.issue(ticket("first"), at: 0)
        for number in 1...(CodeBook.limit + 10) { _ = book.issue(ticket("\(number)"), at: 1) }
        #expect(book.count <= CodeBook.limit)
        guard case .unknown = book.redeem(first, at: 2) else {
            return #expect(Bool(false), "the oldest code is still there")
        }
        let code = book.issue(ticket("g"), at: 10)
        guard case .good = book.redeem(code, at: 69) else {
            return #expect(Bool(false), "a code is not good")
        }
        guard case .again("g") = book.redeem(code, at: 3000) else {
            return #expect(Bool(false), "a second use is not told")
        }
        guard case .unknown = book.redeem(code, at: 10 + 60 + CodeBook.memory) else {
            return #expect(Bool(false), "a late copy is more than refused")
        }
        _ = book.issue(ticket("x"), at: 10 + 60 + CodeBook.memory)
        #expect(book.count == 1)
    }

    @Test func `a pair of tokens follows from the refresh token before it and its salt`() {
        let first = TokenText()
        let salt = Random.bytes(TokenText.saltSize)
        let next = TokenText(after: first.refresh, salt: salt)
        #expect(next.access == TokenText(after: first.refresh, salt: salt).access)
        #expect(next.refresh == TokenText(after: first.refresh, salt: salt).refresh)
        let others = [
            TokenText(after: first.refresh, salt: Random.bytes(TokenText.saltSize)),
            TokenText(after: next.refresh, salt: salt),
        ]
        let texts = Set(([first, next] + others).flatMap { [$0.access, $0.refresh] })
        #expect(texts.count == 8)
    }

    @Test func `grants that ended are remembered, the last ones`() {
        var ended = EndedGrants()
        let new = (0..<EndedGrants.limit).map { ended.insert("\($0)") }
        #expect(!new.contains(false))
        let isNew = ended.insert("0")
        #expect(!isNew && ended.contains("0"))
        for number in 0..<3 { _ = ended.insert("more \(number)") }
        #expect(ended.contains("more 0") && ended.contains("more 2") && ended.contains("3"))
        #expect(!ended.contains("0") && !ended.contains("2"))
    }

    @Test(arguments: [
        ("https://a.example/c", true), ("https://a.example/c.json", true),
        ("https://a.example", false), ("https://a.example/", false), ("http://a.example/c", false),
        ("https://a.example:444/c", false), ("https://a.example:443/c", false),
        ("https://u@a.example/c", false), ("https://a.example/c?x", false),
        ("https://a.example/c#x", false), ("https://a.example/../c", false),
        ("https://a.example/./c", false), ("https://a.example/%2e%2e/c", false),
        ("https://[::1]/c", false), ("https:///c", false), ("HTTPS://a.example/c", false),
        ("https://a.example/c d", false), ("https://a.example\\@b/c", false),
    ])
    func `a client's id is a plain https URL with a path`(text: String, isOne: Bool) {
        #expect(DocumentFetch.isURL(text) == isOne)
    }

    @Test func `a document speaks for its own URL alone, and for no client with a secret`() throws {
        let url = "https://a.example/client"
        func client(_ change: JSON.Object) throws(OAuthError) -> OAuthClient {
            var json: JSON.Object = [
                "client_id": .string(url), "redirect_uris": ["https://a.example/cb"],
            ]
            for (key, value) in change { json[key] = value }
            return try ClientDocument(JSON.object(json).encoded()).described(at: url)
        }
        #expect(try client([:]).name == "a.example")
        #expect(try client(["client_name": " A\tB "]).name == "A B")
        for change in [
            ["client_id": "https://a.example/client/"], ["client_id": "https://A.example/client"],
            ["client_id": .null], ["token_endpoint_auth_method": "client_secret_post"],
            ["client_secret": "x"], ["redirect_uris": []], ["redirect_uris": ["javascript:x"]],
            ["redirect_uris": ["http://a.example/"]], ["redirect_uris": [1]],
        ] as [JSON.Object] {
            #expect(throws: OAuthError.self, "\(change)") { try client(change) }
        }
        let deep = String(repeating: "[", count: 5000)
        #expect(throws: OAuthError.self) { try ClientDocument(Array(deep.utf8)) }
        let wide = "{\"a\":[" + String(repeating: "0,", count: 30_000) + "0]}"
        #expect(throws: OAuthError.self) { try ClientDocument(Array(wide.utf8)) }
    }

    @Test(
        arguments: [
            ("max-age=600", 600), ("public, max-age=60", 60), ("no-store", 0),
            ("private, no-cache", 0),
            ("max-age=\"5\"", 5), ("max-age=x", nil), ("", nil),
        ] as [(String, Int64?)])
    func `a server says how long its document is good`(header: String, lifetime: Int64?) {
        #expect(DocumentFetch.lifetime(header) == lifetime)
    }

    @Test func `addresses have their shares, and all together have theirs`() {
        var rates = VisitorRates(
            each: Rate(burst: 2, each: .seconds(60)), all: Rate(burst: 5, perSecond: 1))
        let now = ContinuousClock.now
        func admits(_ address: String?, after seconds: Int = 0) -> Bool {
            rates.admits(address, at: now + .seconds(seconds))
        }
        let first = (0..<4).map { _ in admits("a") }
        #expect(first == [true, true, false, false])
        let others = [admits("b"), admits(nil), admits(nil), admits("c")]
        #expect(others == [true, true, true, false])
        let later = [admits("a", after: 30), admits("a", after: 61)]
        #expect(later == [false, true])
    }
}
