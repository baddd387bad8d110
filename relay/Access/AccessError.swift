// Why a request is refused before any tool runs, in the form that RFC 6750 §3 prescribes.
import Wire

/// Why a request is not admitted; its HTTP status is 401.
enum AccessError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No bearer token was sent.
    case missingToken
    /// The token is unknown, revoked or malformed.
    case invalidToken
    /// The access token of OAuth is unknown, has expired or was revoked.
    case invalidAccessToken

    /// The value of `WWW-Authenticate`; `metadata`: the URL at which an OAuth client learns how to
    /// get a token (RFC 9728 §5.1), nil where there is no OAuth.
    func challenge(metadata: String? = nil) -> String {
        let realm =
            "Bearer realm=\"homeline\""
            + (metadata.map { ", resource_metadata=\"\($0)\"" } ?? "")
        // What a client should ask for at first: read access only.
        let basic = "scope=\"\(Scope.text(Scope.askedAtFirst))\""
        return switch self {
        case .missingToken: "\(realm), \(basic)"
        case .invalidToken, .invalidAccessToken:
            "\(realm), error=\"invalid_token\", error_description=\"\(description)\", \(basic)"
        }
    }

    /// One plain line saying what is wrong and what to do next.
    var description: String {
        switch self {
        case .missingToken: "a bearer token is needed: homeline-relay tokens create NAME makes one"
        case .invalidToken:
            "the token is unknown or revoked: homeline-relay tokens create NAME makes a new one"
        case .invalidAccessToken: "the access token has expired or was revoked: get a new one"
        }
    }
}
