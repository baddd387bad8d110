// OAuth over HTTP: which paths there are, who may call them how often, and how answers look. Flow:
// WebDoor → here → AuthorizationDoor, or OAuthService at once. Invariant: as long as nobody could
// log in, every path says what it said before there was OAuth.
import Configuration
import Crypto
import HTTP
import JSON
import Loop
import MCP
import Wire

/// The door of OAuth.
@IO final class OAuthDoor {
    let service: OAuthService
    private let authorization: AuthorizationDoor
    private let source: Source
    private var failures = VisitorRates(
        each: Rate(burst: OAuthDoor.failureBurst, perSecond: OAuthDoor.failuresPerSecond),
        all: Rate(burst: OAuthDoor.failureBurstOfAll, perSecond: OAuthDoor.failuresPerSecondOfAll))
    private var registrations = VisitorRates(
        each: Rate(burst: OAuthDoor.registrationBurst, each: OAuthDoor.registrationTime),
        all: Rate(burst: OAuthDoor.registrationBurstOfAll, each: OAuthDoor.registrationTimeOfAll))

    /// Where a request comes from and when: what rates go by.
    struct Source: Sendable {
        /// The address; nil: this machine.
        var address: @IO (HTTPRequest) -> String? = { $0.peerAddress?.subscriber }
        var now: @IO () -> ContinuousClock.Instant = { IO.now }
    }

    /// Requests of one address for tokens, or for their end, that failed: at once, and per second
    /// after that.
    ///
    /// A program whose login has ended fails once and asks its person; those of a whole site may
    /// come from one address.
    nonisolated static let failureBurst = 60
    nonisolated static let failuresPerSecond = 2
    /// Such requests of all addresses, at once and per second after that.
    nonisolated static let failureBurstOfAll = 600
    nonisolated static let failuresPerSecondOfAll = 50
    /// Registrations of one address at once, and then one in each such time.
    ///
    /// Programs register once for each login, if they forget at all.
    nonisolated static let registrationBurst = 20
    nonisolated static let registrationTime = Duration.seconds(60)
    /// Registrations of all addresses at once, and then one in each such time.
    nonisolated static let registrationBurstOfAll = 60
    nonisolated static let registrationTimeOfAll = Duration.seconds(2)

    /// Tests have a `source` of their own.
    init(_ service: OAuthService, source: Source = Source()) {
        self.service = service
        self.source = source
        authorization = AuthorizationDoor(service)
    }

    /// Knows who is logged in on the relay's pages; nil: nobody can be.
    var visitors: (any Visitors)? {
        get { authorization.visitors }
        set { authorization.visitors = newValue }
    }

    private var isOpen: Bool { visitors != nil && service.isOpen }

    /// What is said where there is no OAuth.
    nonisolated static let absence =
        "MCP is served at /mcp; there is no OAuth here: tokens come from the operator"

    /// Serves OAuth at `address`.
    func open(_ web: WebDoor, at address: OAuthAddress) {
        service.open(at: address)
        func document(_ make: @escaping @IO (HTTPRequest) -> JSON) -> WebDoor.Handler {
            { request, responder, _ in
                Self.send(make(request), responder, caching: "public, max-age=60")
            }
        }
        let server = document { [service] _ in
            OAuthMetadata.server(address, readsDocuments: service.readsDocuments)
        }
        for path in address.paths(of: "oauth-protected-resource", behind: "/mcp") {
            serve(
                web, "GET", path,
                document { OAuthMetadata.resource(address, host: $0.soleHeader("host")) })
        }
        for name in ["oauth-authorization-server", "openid-configuration"] {
            // Some clients take the URL of MCP for the issuer.
            for path in address.paths(of: name, behind: "/mcp") { serve(web, "GET", path, server) }
        }
        serve(web, "POST", "/oauth/token") { [weak self] in await self?.token($0, $1) }
        serve(web, "POST", "/oauth/revoke") { [weak self] in await self?.revoke($0, $1) }
        serve(web, "POST", "/oauth/register") { [weak self] in await self?.register($0, $1) }
        authorization.open(web) { [weak self] in self?.isOpen == true }
    }

    /// Serves a path for programs, also for pages of other sites, which get no credentials along.
    private func serve(
        _ web: WebDoor, _ method: String, _ path: String,
        _ handler: @escaping @IO (HTTPRequest, HTTPResponder) async -> Void
    ) {
        serve(web, method, path) { request, responder, _ in await handler(request, responder) }
    }

    private func serve(
        _ web: WebDoor, _ method: String, _ path: String, _ handler: @escaping WebDoor.Handler
    ) {
        let isOpen: @IO () -> Bool = { [weak self] in self?.isOpen == true }
        web.serve(method, path, while: isOpen, handler)
        web.serve("OPTIONS", path, while: isOpen) { _, responder, _ in
            var headers = Self.headers
            headers["Access-Control-Allow-Methods"] = method
            headers["Access-Control-Allow-Headers"] =
                "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name"
            headers["Access-Control-Max-Age"] = "600"
            responder.send(status: 204, headers: headers)
        }
    }

    // MARK: Tokens

    private func token(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        await answer(request, responder) { () throws(OAuthError) in
            let form = try Self.form(request)
            let client = try Self.client(request, form)
            switch form["grant_type"] {
            case "authorization_code", "refresh_token": break
            case nil: throw OAuthError(.invalidRequest, "grant_type is missing")
            default:
                throw OAuthError(
                    .unsupportedGrantType, "it is authorization_code or refresh_token")
            }
            try await self.service.checkKnown(client: client)
            if let resource = form["resource"],
                self.service.address?.accepts(resource: resource) != true
            {
                throw OAuthError(
                    .invalidTarget, "the resource here is \(self.service.address?.resource ?? "")")
            }
            let issue =
                form["grant_type"] == "refresh_token"
                ? try await self.refresh(form, client) : try await self.redeem(form, client)
            return [
                "access_token": .string(issue.text.access), "token_type": "Bearer",
                "expires_in": .int(issue.lifetime), "refresh_token": .string(issue.text.refresh),
                "scope": .string(Scope.text(issue.scopes)),
            ]
        }
    }

    private func redeem(
        _ form: FormBody, _ client: String
    ) async throws(OAuthError) -> OAuthService.Issue {
        guard let code = form["code"], let verifier = form["code_verifier"] else {
            throw OAuthError(.invalidRequest, "code and code_verifier are needed")
        }
        return try await service.redeem(
            code, client: client, redirect: form["redirect_uri"], verifier: verifier)
    }

    private func refresh(
        _ form: FormBody, _ client: String
    ) async throws(OAuthError) -> OAuthService.Issue {
        guard let token = form["refresh_token"] else {
            throw OAuthError(.invalidRequest, "refresh_token is missing")
        }
        return try await service.refresh(token, client: client)
    }

    private func revoke(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        await answer(request, responder) { () throws(OAuthError) in
            let form = try Self.form(request)
            let client = try Self.client(request, form)
            guard let token = form["token"] else {
                throw OAuthError(.invalidRequest, "token is missing")
            }
            try await self.service.checkKnown(client: client)
            // An unknown token is no error (RFC 7009 §2.2).
            try await self.service.revoke(token, client: client)
            return [:]
        }
    }

    /// The form of a request for a token; throws if a parameter comes twice (RFC 6749 §3.2).
    private static func form(_ request: HTTPRequest) throws(OAuthError) -> FormBody {
        let type = (request.soleHeader("content-type") ?? "").prefix { $0 != ";" }
        guard type.filter({ $0 != " " }).lowercased() == "application/x-www-form-urlencoded",
            let form = FormBody(request.body)
        else { throw OAuthError(.invalidRequest, "send a form (x-www-form-urlencoded)") }
        guard form.repeated.isEmpty else {
            throw OAuthError(.invalidRequest, "a parameter is there twice")
        }
        return form
    }

    /// The client that a request names, in its form or as HTTP's Basic has it; no client has a
    /// secret, so that what stands there for one is not looked at.
    private static func client(
        _ request: HTTPRequest, _ form: FormBody
    ) throws(OAuthError) -> String {
        var names = [form["client_id"]].compactMap(\.self)
        if let header = request.soleHeader("authorization"),
            header.lowercased().hasPrefix("basic "),
            let bytes = Base64.decode(String(header.dropFirst(6))),
            // Both parts are escaped as in a form (RFC 6749 §2.3.1).
            let name = FormBody(Array("name=".utf8) + bytes.prefix { $0 != UInt8(ascii: ":") })?[
                "name"]
        {
            names.append(name)
        }
        guard let name = names.first, !name.isEmpty else {
            throw OAuthError(.invalidClient, "client_id is missing")
        }
        guard names.allSatisfy({ $0 == name }) else {
            throw OAuthError(.invalidRequest, "two clients are named")
        }
        return name
    }

    /// Answers with what `work` gives.
    ///
    /// Only failures count for the rate, and beyond it their reason is not told: what is good is
    /// answered whatever strangers send, as behind a web server on this machine all have one
    /// address. A failure costs two look-ups in the store, and a connection waits for its answer,
    /// so that no more failures wait at the store than there are places for connections.
    private func answer(
        _ request: HTTPRequest, _ responder: HTTPResponder,
        _ work: @IO () async throws(OAuthError) -> JSON
    ) async {
        do throws(OAuthError) {
            Self.send(try await work(), responder)
        } catch {
            guard failures.admits(source.address(request), at: source.now()) else {
                return Self.putOff(responder)
            }
            Self.refuse(error, request, responder)
        }
    }

    // MARK: Registration

    /// Registers a client; each registration counts for the rate, as a good one takes room.
    private func register(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        guard registrations.admits(source.address(request), at: source.now()) else {
            return Self.putOff(responder)
        }
        do throws(OAuthError) {
            let (document, client) = try await service.register(request.body)
            Self.send(document.answer(client), responder, status: 201)
        } catch {
            Self.refuse(error, request, responder)
        }
    }

    // MARK: Answers

    /// When one who asked too often may ask again, in seconds: a minute gives one registration, or
    /// 120 failures.
    static let later: HTTPHeaders = ["Retry-After": "60"]

    private static let headers: HTTPHeaders = [
        "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff",
    ]

    private static func send(
        _ json: JSON, _ responder: HTTPResponder, status: Int = 200, caching: String = "no-store",
        headers more: HTTPHeaders = OAuthDoor.headers
    ) {
        var headers = more
        headers["Content-Type"] = "application/json"
        headers["Cache-Control"] = caching
        responder.send(status: status, headers: headers, body: json.encoded())
    }

    /// Answers one who asks too often.
    private static func putOff(_ responder: HTTPResponder) {
        let error = OAuthError(
            .temporarilyUnavailable, "too many requests: try again in a minute")
        var headers = headers
        headers["Retry-After"] = later["Retry-After"]
        send(error.json, responder, status: 429, headers: headers)
    }

    private static func refuse(
        _ error: OAuthError, _ request: HTTPRequest, _ responder: HTTPResponder
    ) {
        var headers = headers
        if [429, 503].contains(error.status) { headers["Retry-After"] = later["Retry-After"] }
        if error.status == 401, request.header("authorization") != nil {
            headers["WWW-Authenticate"] = "Basic realm=\"homeline\""
        }
        send(error.json, responder, status: error.status, headers: headers)
    }
}
