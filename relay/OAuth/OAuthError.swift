// Why a client gets no code or token, in the words of RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2
// and RFC 8707 §2.
import JSON

/// A refusal that a client reads.
struct OAuthError: Error, Equatable, Sendable {
    /// Its code.
    enum Code: String, Sendable {
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        case invalidGrant = "invalid_grant"
        case invalidTarget = "invalid_target"
        case accessDenied = "access_denied"
        case unsupportedResponseType = "unsupported_response_type"
        case unsupportedGrantType = "unsupported_grant_type"
        case invalidRedirectURI = "invalid_redirect_uri"
        case invalidClientMetadata = "invalid_client_metadata"
        case temporarilyUnavailable = "temporarily_unavailable"
        case serverError = "server_error"
    }

    let code: Code
    /// One plain line in ASCII: what is wrong.
    let description: String

    init(_ code: Code, _ description: String) {
        (self.code, self.description) = (code, description)
    }

    /// The HTTP status of an answer with it.
    ///
    /// An unknown client gets 401: clients that registered themselves do so again then.
    var status: Int {
        switch code {
        case .invalidClient: 401
        case .temporarilyUnavailable: 429
        case .serverError: 500
        case .invalidRequest, .invalidGrant, .invalidTarget, .accessDenied,
            .unsupportedResponseType, .unsupportedGrantType, .invalidRedirectURI,
            .invalidClientMetadata:
            400
        }
    }

    var json: JSON {
        ["error": .string(code.rawValue), "error_description": .string(description)]
    }
}
