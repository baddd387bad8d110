// Why a request was refused, with the JSON-RPC code and HTTP status each revision wants. Flow:
// thrown anywhere below a transport, written by Envelope. Invariant: no code outside the table of
// the specification leaves the server, and no message reveals internals.
import JSON

/// Why an MCP request has no result.
public enum MCPError: Error, Equatable, Sendable {
    /// The bytes are not JSON.
    case unparsable(String)
    /// JSON, but not one JSON-RPC request.
    case invalidRequest(String)
    /// A method that does not exist in this revision or is not offered.
    case methodNotFound(String)
    /// Parameters that are missing or wrong.
    case invalidParams(String)
    /// No resource has this URI.
    case resourceNotFound(uri: String)
    /// A routing header that is missing or differs from the body.
    case headerMismatch(String)
    /// The request needs these capabilities, and the client did not declare them.
    case missingCapability([ClientFeature])
    /// A version this server does not speak in this form.
    case unsupportedVersion(requested: String)
    /// The principal lacks this scope.
    case insufficientScope(String)
    /// What was asked for cannot be given now: the sentence says why, and what to do next.
    case unavailable(String)
    /// A limit is reached; a later attempt may succeed.
    case busy(String)
    /// The principal does too much in too little time; it may retry after `wait`.
    case throttled(String, wait: Duration)
    /// The request was ended before its answer was ready.
    case ended(String)
    /// The caller lost its rights while the request ran.
    case revoked(String)
    /// A fault of the server.
    case internalError
}

extension MCPError {
    /// The JSON-RPC code.
    func code(in revision: Revision) -> Int64 {
        switch self {
        case .unparsable: -32700
        case .invalidRequest: -32600
        case .methodNotFound: -32601
        case .invalidParams: -32602
        case .resourceNotFound: revision.isModern ? -32602 : -32002
        case .headerMismatch: -32020
        // Before the modern era, only the peer of a broken server saw such an error.
        case .missingCapability: revision.isModern ? -32021 : -32602
        case .unsupportedVersion: -32022
        case .insufficientScope: 403
        case .unavailable: 424
        case .busy, .throttled: 429
        case .ended: 503
        case .revoked: 401
        case .internalError: -32603
        }
    }

    /// The HTTP status; legacy clients read JSON-RPC errors only from a 200.
    func status(in revision: Revision) -> Int {
        switch self {
        case .insufficientScope: 403
        case .unparsable, .invalidRequest: 400
        case _ where !revision.isModern: 200
        // No proxy or client is to take it for a fault of this server, and try again.
        case .unavailable: 200
        case .methodNotFound: 404
        case .busy, .throttled: 429
        case .ended: 503
        case .revoked: 401
        case .internalError: 500
        case .invalidParams, .resourceNotFound, .headerMismatch, .missingCapability,
            .unsupportedVersion:
            400
        }
    }

    /// The object `error` of a response.
    func json(in revision: Revision) -> JSON {
        var body: JSON.Object = ["code": .int(code(in: revision)), "message": .string(description)]
        body["data"] = data
        return .object(body)
    }

    /// Extra data for programs.
    var data: JSON? {
        switch self {
        case .resourceNotFound(let uri): return ["uri": .string(uri)]
        case .missingCapability(let needed):
            return ["requiredCapabilities": .object(ClientFeature.declaration(of: needed))]
        case .insufficientScope(let scope): return ["scope": .string(scope)]
        case .throttled(_, let wait):
            return ["retryAfterMs": .int(max(1, Int64((wait / .milliseconds(1)).rounded(.up))))]
        case .unsupportedVersion(let requested):
            let supported = Revision.advertised.map { JSON.string($0.rawValue) }
            return ["supported": .array(supported), "requested": .string(requested)]
        default: return nil
        }
    }
}

extension MCPError: CustomStringConvertible {
    /// One plain line that says what to do next.
    public var description: String {
        switch self {
        case .unparsable(let why), .invalidRequest(let why), .invalidParams(let why),
            .headerMismatch(let why), .unavailable(let why), .busy(let why),
            .throttled(let why, _), .ended(let why), .revoked(let why):
            return why
        case .methodNotFound(let method): return "method \(quoted(method)) is not available here"
        case .resourceNotFound(let uri): return "no resource \(quoted(uri)): see resources/list"
        case .missingCapability(let needed):
            let names = needed.map(\.name).joined(separator: ", ")
            return "this needs a client that declares \(names)"
        case .unsupportedVersion(let requested):
            let legacy = Revision(rawValue: requested).map { !$0.isModern } ?? false
            return legacy
                ? "version \(requested) works through initialize; use \(Revision.newest.rawValue) here"
                : "version \(quoted(requested)) is not supported; use \(Revision.newest.rawValue)"
        case .insufficientScope(let scope):
            return "the token lacks the scope \(scope): ask for a token that has it"
        case .internalError: return "internal error: the server's log has the reason"
        }
    }
}

/// A peer's text for an error message: quoted, short, on one line.
func quoted(_ text: String) -> String {
    let short = text.unicodeScalars.prefix(80).map { $0.value < 0x20 ? " " : String($0) }.joined()
    return "\"\(short)\(text.unicodeScalars.count > 80 ? "…" : "")\""
}
