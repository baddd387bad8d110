// OAuth over HTTP with a store of its own: what the tests of the endpoints stand on. The visitors
// are the test's: who has the cookie is logged in, and a form counts with the test's token.
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

/// Visitors by a cookie.
@IO final class CookieVisitors: Visitors {
    var person: Person?

    func visitor(of request: HTTPRequest) -> Visitor? {
        guard request.header("cookie") == "ada", let person else { return nil }
        return Visitor(person: person, session: "s", formToken: "form-token")
    }

    func form(of request: HTTPRequest, from visitor: Visitor) -> FormBody? {
        guard let form = FormBody(request.body), form["token"] == visitor.formToken else {
            return nil
        }
        return form
    }

    func login(_ responder: HTTPResponder, backTo path: String) {
        Page.redirect(to: "/login?back=" + PercentText.value(path), responder)
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
    let visitors = CookieVisitors()
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
        visitors.person = ada
        let people = Box<[Person]>([ada])
        self.people = people
        access = Access(now: fixture.store.now)
        let ended = ended
        service = OAuthService(
            fixture.store, access, documents: ClientDocuments(fetch, now: fixture.store.now),
            people: { () throws(StoreError) in people.withLock { $0 } },
            end: { id, _ in ended.withLock { $0.append(id) } })
        door = OAuthDoor(service)
        door.visitors = visitors
        let web = WebDoor()
        server = HTTPServer(
            judge: { _ in nil },
            openBodies: { web.serves($0.path) ? FormBody.limit : 0 },
            handler: { request, responder in
                guard web.serves(request.path) else { return Page.absent(responder) }
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
        try await client.get(path, headers: cookie ? ["Cookie": "ada"] : [:])
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

    /// Answers the question of a query, and gives where the browser is sent.
    func decide(
        _ query: String, _ decision: String = "allow", token: String = "form-token",
        scopes: [String] = ["fleet:read", "sessions:exec"], pattern: String = "*"
    ) async throws -> (response: HTTPResponse, back: URLComponents?) {
        let response = try await form(
            "/oauth/authorize",
            [
                ("token", token), ("request", query), ("decision", decision), ("pattern", pattern),
            ] + scopes.map { ("scope", $0) }, headers: ["Cookie": "ada"])
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
