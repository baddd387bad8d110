// Why a request is refused before any tool runs, as RFC 6750 §3 tells it to the client.
import Wire

/// Why a request is not let through; its HTTP status is 401.
enum AccessError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No bearer token was sent.
    case missingToken
    /// A token was sent that is unknown, revoked or misshapen.
    case invalidToken

    /// The value of `WWW-Authenticate`.
    var challenge: String {
        let realm = "Bearer realm=\"homeline\""
        // What a client should ask for at first: to look, not to touch.
        let basic = "scope=\"\(Scope.text([.fleetRead, .sessionsRead]))\""
        return switch self {
        case .missingToken: "\(realm), \(basic)"
        case .invalidToken:
            "\(realm), error=\"invalid_token\", error_description=\"\(description)\", \(basic)"
        }
    }

    /// One plain line saying what is wrong and what to do next.
    var description: String {
        switch self {
        case .missingToken: "a bearer token is needed: homeline-relay tokens create NAME makes one"
        case .invalidToken: "the token is unknown or revoked: homeline-relay tokens create NAME"
        }
    }
}
