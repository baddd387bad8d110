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
    private var tokenRates = VisitorRates(
        each: Rate(burst: OAuthDoor.tokenBurst, perSecond: 2),
        all: Rate(burst: 10 * OAuthDoor.tokenBurst, perSecond: 50))
    private var registrationRates = VisitorRates(
        each: Rate(burst: OAuthDoor.registrationBurst, each: .seconds(60)),
        all: Rate(burst: 3 * OAuthDoor.registrationBurst, each: .seconds(2)))

    /// Requests of one address for tokens, or for their end, at once; ten times as many in all.
    ///
    /// A person's clients refresh hourly; those of a whole site may come from one address.
    nonisolated static let tokenBurst = 60
    /// Registrations of one address at once, and then one a minute; in all three times as many, and
    /// then one in two seconds.
    ///
    /// Programs register once for each login, if they forget at all.
    nonisolated static let registrationBurst = 20

    init(_ service: OAuthService) {
        self.service = service
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
            { [weak self] request, responder, _ in
                guard self?.isOpen == true else { return responder.sendNotFound(Self.absence) }
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
        authorization.open(web)
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
        web.serve(method, path, handler)
        web.serve("OPTIONS", path) { _, responder, _ in
            var headers = Self.headers
            headers["Access-Control-Allow-Methods"] = method
            headers["Access-Control-Allow-Headers"] =
                "Authorization, Content-Type, Accept, MCP-Protocol-Version"
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
            try await self.service.knows(client: client)
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
        let issue = try await service.refresh(token, client: client)
        return issue
    }

    private func revoke(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        await answer(request, responder) { () throws(OAuthError) in
            let form = try Self.form(request)
            let client = try Self.client(request, form)
            guard let token = form["token"] else {
                throw OAuthError(.invalidRequest, "token is missing")
            }
            try await self.service.knows(client: client)
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

    private func answer(
        _ request: HTTPRequest, _ responder: HTTPResponder,
        _ work: @IO () async throws(OAuthError) -> JSON
    ) async {
        guard isOpen else { return responder.sendNotFound(Self.absence) }
        guard tokenRates.admits(request.peerAddress?.subscriber, at: IO.now) else {
            return Self.refuse(Self.haste, request, responder)
        }
        do throws(OAuthError) {
            Self.send(try await work(), responder)
        } catch {
            Self.refuse(error, request, responder)
        }
    }

    // MARK: Registration

    private func register(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        guard isOpen else { return responder.sendNotFound(Self.absence) }
        guard registrationRates.admits(request.peerAddress?.subscriber, at: IO.now) else {
            return Self.refuse(Self.haste, request, responder)
        }
        do throws(OAuthError) {
            let (document, client) = try await service.register(request.body)
            Self.send(document.answer(client), responder, status: 201)
        } catch {
            Self.refuse(error, request, responder)
        }
    }

    // MARK: Answers

    private static let haste = OAuthError(
        .temporarilyUnavailable, "too many requests: try again in a minute")

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

    private static func refuse(
        _ error: OAuthError, _ request: HTTPRequest, _ responder: HTTPResponder
    ) {
        var headers = headers
        if error.status == 429 { headers["Retry-After"] = "60" }
        if error.status == 401, request.header("authorization") != nil {
            headers["WWW-Authenticate"] = "Basic realm=\"homeline\""
        }
        send(error.json, responder, status: error.status, headers: headers)
    }
}
