// The Streamable HTTP transport: one path, both eras. Flow: HTTPRequest → Origin, Host → principal
// → method → era → message core → JSON or event stream. Invariant: the checks run in the order of
// the specification, and each request is checked independently.
public import HTTP
import JSON
public import Loop

/// Serves an MCP server on one path of an HTTP server.
@IO public final class MCPHTTPEndpoint {
    /// Determines who a request comes from, by its headers.
    public typealias Authenticate = @IO @Sendable (HTTPRequest) -> Authentication

    let server: MCPServer
    let sessions: SessionTable
    private let access: HTTPAccess
    private let authenticate: Authenticate

    /// An endpoint for `server`; call `handle` for every request to its path.
    public init(
        server: MCPServer, access: HTTPAccess, authenticate: @escaping Authenticate
    ) {
        self.server = server
        self.access = access
        self.authenticate = authenticate
        sessions = SessionTable(server)
    }

    /// Answers one request; returns when the reply is complete.
    public func handle(_ request: HTTPRequest, _ responder: HTTPResponder) async {
        await handle(request, responder as any Reply)
    }

    /// The name of the principal that a request with this head comes from; nil if the request may
    /// not be served: its body is not received then.
    public func sender(of request: HTTPRequest) -> String? {
        switch access.verdict(request) {
        case .foreignHost, .foreignOrigin: return nil
        case .page, .open: break
        }
        if case .principal(let principal, _) = authenticate(request) { return principal.name }
        return nil
    }

    /// Ends every legacy session and its stream, before the HTTP server stops; `MCPServer.stop`
    /// comes first.
    public func close() {
        sessions.endAll(.ended("the server is stopping: connect again in a moment"))
    }

    /// Ends the streams that stay open without a call, of either era: their clients open them anew.
    public func endStreams() {
        sessions.endStreams()
        server.endSubscriptions()
    }

    /// Ends a principal that lost its rights: its sessions, streams and running requests, each
    /// with an error that says `sentence`.
    public func end(principal name: String, saying sentence: String) {
        sessions.endAll(of: name, .revoked(sentence))
        server.end(principal: name, saying: sentence)
    }

    func handle(_ request: HTTPRequest, _ reply: any Reply) async {
        let verdict = access.verdict(request)
        let headers = verdict.headers
        let method = request.method
        switch verdict {
        case .foreignHost: return reply.refuse(421, access.refusal(ofHost: request), [:])
        case .foreignOrigin: return reply.refuse(403, access.refusal(ofOrigin: request), [:])
        case .page where method == "OPTIONS":
            return reply.send(status: 204, headers: verdict.preflight(request), body: [])
        case .page, .open: break
        }
        let (principal, stepUp): (Principal, StepUp?)
        switch authenticate(request) {
        case .principal(let known, let way): (principal, stepUp) = (known, way)
        case .challenge(let challenge):
            var headers = headers
            headers["WWW-Authenticate"] = challenge
            return reply.refuse(
                401, error: "invalid_token", "send a valid bearer token", headers)
        case .refused(let status, let line):
            return reply.refuse(status, error: "access_denied", line, headers)
        }
        reply.client = principal.name
        let visit = Visit(
            request: request, reply: reply, headers: headers, principal: principal,
            stepUp: stepUp, accept: Acceptance(request.header("accept")))
        switch (method, isModern(visit)) {
        case ("POST", _): await post(visit)
        case ("GET", false): await openStream(visit)
        case ("DELETE", false): endSession(visit)
        case (_, let isModern):
            var headers = headers
            headers["Allow"] = isModern ? "POST" : "POST, GET, DELETE"
            reply.refuse(405, "this method is not allowed here", headers)
        }
    }

    /// Whether the headers belong to the era without a handshake.
    ///
    /// In a session that was agreed on, the newest version in the header changes nothing.
    private func isModern(_ visit: Visit) -> Bool {
        guard visit.claimsModern else { return false }
        let isKnown = visit.version == Revision.newest.rawValue
        guard isKnown, let id = visit.session else { return true }
        return sessions.find(id, visit.principal) == nil
    }

    private func post(_ visit: Visit) async {
        guard !visit.accept.isNothing else {
            return visit.refuse(406, "accept application/json or text/event-stream")
        }
        guard visit.isJSON else { return visit.refuse(415, "send application/json") }
        if let encoding = visit.encoding {
            var headers = visit.headers
            headers["Accept-Encoding"] = "identity"
            let line =
                "the body is encoded as \(quoted(encoding)): send it without Content-Encoding"
            return visit.reply.refuse(415, line, headers)
        }
        guard visit.request.body.count <= server.limits.messageBytes else {
            return visit.refuse(413, "send at most \(server.limits.messageBytes) bytes")
        }
        let body = visit.request.body.withoutByteOrderMark
        let isModern = isModern(visit)
        if Batch.isOne(body) {
            guard isModern else { return await postBatch(body, visit) }
            if let bad = visit.unknownVersion { return visit.fail(nil, bad, .newest) }
        }
        do throws(BadMessage) {
            let message = try await Message.read(body)
            // A handshake is one under any version header: a client may send its newest there.
            if message.claimsModern || isModern && !message.isInitialize {
                if !message.claimsModern, let bad = visit.unknownVersion {
                    throw BadMessage(id: message.id, error: bad)
                }
                await postModern(message, visit)
            } else {
                await postLegacy(message, visit)
            }
        } catch {
            visit.fail(error.id, error.error, .newest)
        }
    }

    /// Sends the reply to an answered request in the form of its era.
    func finish(_ exchange: HTTPExchange, _ answer: Answer?, _ visit: Visit, _ revision: Revision)
        async
    {
        let status = answer?.error?.status(in: revision) ?? 200
        var challenge: String?
        if let error = answer?.error, case .insufficientScope(let scope) = error {
            let scopes = visit.stepUp?.scopes(with: scope) ?? scope
            challenge =
                "Bearer error=\"insufficient_scope\", scope=\"\(scopes)\""
                + ", error_description=\"\(error)\""
        }
        if status == 401 { challenge = "Bearer error=\"invalid_token\"" }
        var extra: HTTPHeaders?
        if case .throttled(_, let wait)? = answer?.error {
            extra = visit.headers
            extra?["Retry-After"] = "\(max(1, Int((wait / .seconds(1)).rounded(.up))))"
        }
        if var challenge {
            if let metadata = visit.stepUp?.metadata {
                challenge += ", resource_metadata=\"\(metadata)\""
            }
            extra = visit.headers
            extra?["WWW-Authenticate"] = challenge
        }
        await exchange.finish(answer?.bytes, status: status, extra: extra)
    }
}

/// One HTTP request with what is known about it.
struct Visit {
    let request: HTTPRequest
    let reply: any Reply
    let headers: HTTPHeaders
    let principal: Principal
    let stepUp: StepUp?
    let accept: Acceptance

    /// The value of the version header.
    var version: String? { request.soleHeader("MCP-Protocol-Version") }

    /// The id of the session that the headers name.
    var session: String? { request.soleHeader("Mcp-Session-Id") }

    /// Whether the version header names anything but a legacy revision.
    var claimsModern: Bool {
        guard let version else { return false }
        return Revision(rawValue: version)?.isModern ?? true
    }

    /// The error about a version header that names no revision.
    var unknownVersion: MCPError? {
        guard let version, Revision(rawValue: version) == nil else { return nil }
        let known = Revision.advertised.map(\.rawValue).joined(separator: ", ")
        return .invalidRequest(
            "MCP-Protocol-Version \(quoted(version)) is not supported; send one of \(known)")
    }

    /// Whether the body is declared as JSON: web pages may send other types across origins without
    /// a preflight request.
    var isJSON: Bool {
        guard let header = request.soleHeader("content-type") else { return false }
        if header == "application/json" { return true }
        let type = header.prefix { $0 != ";" }
        return type.filter { $0 != " " && $0 != "\t" }.lowercased() == "application/json"
    }

    /// How the body is encoded, if it is not sent as it is.
    var encoding: String? {
        request.header("content-encoding").flatMap { $0.lowercased() == "identity" ? nil : $0 }
    }

    @IO func refuse(_ status: Int, _ line: String) { reply.refuse(status, line, headers) }

    /// An error reply; the status is the error's own unless another is given.
    @IO func fail(
        _ id: RequestID?, _ error: MCPError, _ revision: Revision, status: Int? = nil
    ) {
        let body = Envelope.error(id, error, revision)
        reply.send(json: body, status: status ?? error.status(in: revision), headers)
    }
}
