// Why a request is refused before any tool runs, as RFC 6750 §3 tells it to the client.

/// Why a request is not let through.
enum AccessError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No bearer token was sent.
    case missingToken
    /// A token was sent that is unknown, revoked or misshapen.
    case invalidToken
    /// The token lacks some of these scopes.
    case insufficientScope(Set<Scope>)

    /// The HTTP status: 401 or 403.
    var status: Int {
        switch self {
        case .missingToken, .invalidToken: 401
        case .insufficientScope: 403
        }
    }

    /// The value of `WWW-Authenticate`.
    var challenge: String {
        let realm = "Bearer realm=\"homeline\""
        // What a client should ask for at first: to look, not to touch.
        let basic = "scope=\"\(Scope.text([.fleetRead, .sessionsRead]))\""
        return switch self {
        case .missingToken: "\(realm), \(basic)"
        case .invalidToken:
            "\(realm), error=\"invalid_token\", error_description=\"\(description)\", \(basic)"
        case .insufficientScope(let needed):
            "\(realm), error=\"insufficient_scope\", error_description=\"\(description)\", "
                + "scope=\"\(Scope.text(needed))\""
        }
    }

    /// One plain line saying what is wrong and what to do next.
    var description: String {
        switch self {
        case .missingToken: "a bearer token is needed: homeline-relay tokens create NAME makes one"
        case .invalidToken: "the token is unknown or revoked: homeline-relay tokens create NAME"
        case .insufficientScope(let needed): "the token lacks a scope of: \(Scope.text(needed))"
        }
    }
}
