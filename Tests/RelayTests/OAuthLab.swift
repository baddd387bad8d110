// OAuth over HTTP with a store and the pages' sessions: what the tests of the endpoints stand on.
// Ada is logged in; the clock of rates, and the address that they go by, are the test's.
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

/// A browser that is logged in on the relay's pages, by a session in the store.
struct LoggedIn: Sendable {
    let person: Person?
    /// The request's `Cookie` field.
    let cookie: String
    /// What the page's own forms have as `token`.
    let formToken: String

    /// Logs a person in, who has passkey 1.
    @IO init(_ person: Person, _ sessions: PageSessions) async throws {
        let field = try await sessions.open(
            for: person, by: [1], try HTTPRequest(method: "POST", target: "/login/finish"))
        let cookie = String(field.prefix { $0 != ";" })
        let request = try HTTPRequest(method: "GET", target: "/", headers: ["Cookie": cookie])
        self.person = person
        self.cookie = cookie
        formToken = try #require(sessions.visitor(of: request)).formToken
    }
}

/// A relay's OAuth alone.
@IO final class OAuthLab {
    static let verifier = String(repeating: "v", count: 43)
    static let challenge = Base64.encodeURL(SHA256.hash(Array(verifier.utf8)))
    static let callback = "https://claude.ai/api/mcp/auth_callback"

    let fixture: StoreFixture
    let access: Access
    let service: OAuthService
    let sessions: PageSessions
    /// Ada's browser.
    let visitors: LoggedIn
    /// The origin of the relay's pages.
    let origin: String
    /// What the rates of programs go by: the address of all requests (nil: this machine), the time.
    let peer = Box<String?>(nil)
    let time = Box(ContinuousClock.now)
    let client: HTTPClient
    let port: UInt16
    /// The grants that were ended.
    let ended = Box<[String]>([])
    private let people: Box<[Person]>
    private let server: HTTPServer
    private let listener: Listener
    private let door: OAuthDoor

    init(
        scopes: Set<Scope> = [.fleetRead, .sessionsRead, .sessionsExec], pattern: String = "*",
        fetch: DocumentFetch = DocumentFetch(), publicURL: String? = nil
    ) async throws {
        fixture = try await StoreFixture()
        let ada = Person(
            id: "ada-id", name: "ada", scopes: scopes,
            pattern: try #require(AccessPattern(pattern)), created: 0)
        try await fixture.store.change { connection in
            _ = try connection.execute(
                "INSERT INTO person VALUES (?, ?, ?, ?, 0, NULL)", .text(ada.id), .text(ada.name),
                .joined(scopes.map(\.rawValue).sorted()), .text(pattern))
        }
        try await fixture.store.addPasskey(.made(1, of: ada.id))
        let people = Box<[Person]>([ada])
        self.people = people
        access = Access(now: fixture.store.now)
        let ended = ended
        service = OAuthService(
            fixture.store, access, documents: ClientDocuments(fetch, now: fixture.store.now),
            people: { () throws(StoreError) in people.withLock { $0 } },
            end: { id, _ in ended.withLock { $0.append(id) } })
        let (peer, time) = (peer, time)
        door = OAuthDoor(
            service,
            source: OAuthDoor.Source(
                address: { _ in peer.withLock { $0 } }, now: { time.withLock { $0 } }))
        let web = WebDoor()
        sessions = PageSessions(fixture.store, web)
        door.visitors = sessions
        server = HTTPServer(
            judge: { _ in nil },
            openBodies: { web.serves($0.path) ? FormBody.limit : 0 },
            handler: { request, responder in
                guard web.serves(request.path) else {
                    return responder.send(status: 404, text: OAuthDoor.absence)
                }
                await web.handle(request, responder)
            })
        listener = try Listener.tcp(
            try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        ) { [server] in server.serve($0) }
        port = try #require(listener.address?.port)
        client = HTTPClient(host: "127.0.0.1", port: port)
        let url = publicURL ?? "http://127.0.0.1:\(port)/mcp"
        let address = try #require(WebAddress(mcp: url))
        web.address = address
        origin = address.origin
        visitors = try await LoggedIn(ada, sessions)
        try await service.reload()
        door.open(web, at: OAuthAddress(web: address))
    }

    isolated deinit {
        listener.close()
        server.close()
    }

    /// Sets who may use the relay.
    func set(people: [Person]) async throws {
        self.people.withLock { $0 = people }
        try await service.reload()
    }

    var issuer: String { service.address?.issuer ?? "" }

    // MARK: Requests

    func get(_ path: String, cookie: Bool = false) async throws -> HTTPResponse {
        try await client.get(path, headers: cookie ? ["Cookie": visitors.cookie] : [:])
    }

    func json(_ path: String) async throws -> JSON {
        try JSON(parsing: try await get(path).body)
    }

    /// Sends a form.
    func form(
        _ path: String, _ fields: [(String, String)], headers more: HTTPHeaders = [:]
    ) async throws -> HTTPResponse {
        var headers = more
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        let body = fields.map { "\($0)=\(PercentText.value($1))" }.joined(separator: "&")
        return try await client.post(path, headers: headers, body: Array(body.utf8))
    }

    func register(_ redirects: [String], more: JSON.Object = [:]) async throws -> HTTPResponse {
        var body = more
        body["client_name"] = body["client_name"] ?? "Lab"
        body["redirect_uris"] = .array(redirects.map(JSON.string))
        return try await client.post(
            "/oauth/register", headers: ["Content-Type": "application/json"],
            body: JSON.object(body).encoded())
    }

    /// The id of a new client.
    func newClient(_ redirects: [String] = [OAuthLab.callback]) async throws -> String {
        let answer = try await register(redirects)
        #expect(answer.status == 201)
        return try #require(try JSON(parsing: answer.body)["client_id"]?.stringValue)
    }

    /// A query for consent; `change` sets or, with nil, removes parameters.
    func query(
        _ client: String, _ redirect: String = OAuthLab.callback,
        change: [(String, String?)] = []
    ) -> String {
        var fields: [(String, String)] = [
            ("response_type", "code"), ("client_id", client), ("redirect_uri", redirect),
            ("state", "st&te=1"), ("code_challenge", Self.challenge),
            ("code_challenge_method", "S256"), ("scope", "fleet:read sessions:exec"),
            ("resource", service.address?.resource ?? ""),
        ]
        for (name, value) in change {
            fields.removeAll { $0.0 == name }
            if let value { fields.append((name, value)) }
        }
        return fields.map { "\($0)=\(PercentText.value($1))" }.joined(separator: "&")
    }

    func ask(_ query: String, cookie: Bool = true) async throws -> HTTPResponse {
        try await get("/oauth/authorize?\(query)", cookie: cookie)
    }

    /// Answers the question of a query, as the page's own form does, and gives where the browser is
    /// sent; `token` is the form's unless it is given, `change` sets or removes header fields.
    func decide(
        _ query: String, _ decision: String = "allow", token: String? = nil,
        scopes: [String] = ["fleet:read", "sessions:exec"], pattern: String = "*",
        change: [(String, String?)] = []
    ) async throws -> (response: HTTPResponse, back: URLComponents?) {
        var headers: HTTPHeaders = [
            "Cookie": visitors.cookie, "Origin": origin, "Sec-Fetch-Site": "same-origin",
        ]
        for (name, value) in change { headers[name] = value }
        let response = try await form(
            "/oauth/authorize",
            [
                ("token", token ?? visitors.formToken), ("request", query),
                ("decision", decision), ("pattern", pattern),
            ] + scopes.map { ("scope", $0) }, headers: headers)
        let refresh = response.header("refresh") ?? ""
        let url = refresh.hasPrefix("0; url=") ? String(refresh.dropFirst(7)) : ""
        return (response, url.isEmpty ? nil : URLComponents(string: url))
    }

    /// A code for a client.
    func code(
        _ client: String, _ redirect: String = OAuthLab.callback, pattern: String = "*"
    ) async throws -> String {
        let (response, back) = try await decide(query(client, redirect), pattern: pattern)
        #expect(response.status == 200)
        return try #require(back?["code"])
    }

    func redeem(
        _ code: String, _ client: String, change: [(String, String?)] = []
    ) async throws -> HTTPResponse {
        var fields = [
            ("grant_type", "authorization_code"), ("code", code), ("client_id", client),
            ("redirect_uri", Self.callback), ("code_verifier", Self.verifier),
        ]
        for (name, value) in change {
            fields.removeAll { $0.0 == name }
            if let value { fields.append((name, value)) }
        }
        return try await form("/oauth/token", fields)
    }

    /// A client with its tokens.
    func tokens(_ client: String, pattern: String = "*") async throws -> JSON {
        let answer = try await redeem(try await code(client, pattern: pattern), client)
        #expect(answer.status == 200)
        return try JSON(parsing: answer.body)
    }

    func refresh(_ token: String, _ client: String) async throws -> HTTPResponse {
        try await form(
            "/oauth/token",
            [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)])
    }

    /// Whose access token a text is; nil: nobody's.
    func principal(_ token: String?) -> Principal? {
        try? access.principal(authorization: "Bearer \(token ?? "")", fromLoopback: false)
    }
}

extension URLComponents {
    /// A parameter of the query.
    subscript(name: String) -> String? { queryItems?.first { $0.name == name }?.value }
}

extension HTTPResponse {
    /// The code of an OAuth error.
    var refusal: String? { (try? JSON(parsing: body))?["error"]?.stringValue }
    var text: String { String(decoding: body, as: UTF8.self) }
}
