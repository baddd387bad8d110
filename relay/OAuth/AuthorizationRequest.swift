// What a client asks for when it sends a browser here, read in two steps. Pure. Flow: the query of
// /oauth/authorize → AuthorizationRequest → (the client is looked up) → Wish. Invariant: before the
// client is known and has named the redirect URI, nothing is sent there; after that, every refusal
// is.
import Wire

/// A request that names a client and where to come back to.
struct AuthorizationRequest: Sendable {
    /// Why there is nobody to tell but the person.
    enum Failure: Error, Equatable {
        case unreadable
        case client
        case redirect

        var sentence: String {
            switch self {
            case .unreadable: "The address that this program has opened cannot be read."
            case .client:
                "The address that this program has opened does not say once which program it is."
            case .redirect:
                "The address that this program has opened does not say once where to come back to, "
                    + "or names a place where no login may lead."
            }
        }
    }

    /// The longest state in bytes; it comes back in a URL.
    static let stateLimit = 4096

    /// The query as it came, for the form that decides about it.
    let query: String
    let client: String
    let redirect: RedirectURI
    private let form: FormBody

    init(query: String) throws(Failure) {
        guard let form = FormBody(Array(query.utf8)) else { throw .unreadable }
        guard let client = form["client_id"], !client.isEmpty, client.utf8.count <= 2000 else {
            throw .client
        }
        guard let redirect = form["redirect_uri"].flatMap(RedirectURI.init) else {
            throw .redirect
        }
        (self.query, self.form, self.client, self.redirect) = (query, form, client, redirect)
    }

    /// What comes back to the client unchanged.
    var state: String? { form["state"] }

    /// What the client wants, for the relay at `address`; throws what the client is to be told.
    func wish(_ address: OAuthAddress) throws(OAuthError) -> Wish {
        guard form.repeated.isEmpty else {
            throw OAuthError(.invalidRequest, "a parameter is there twice")
        }
        guard state?.utf8.count ?? 0 <= Self.stateLimit else {
            throw OAuthError(.invalidRequest, "the state is too long")
        }
        guard form["request"] == nil, form["request_uri"] == nil else {
            throw OAuthError(.invalidRequest, "request objects are not supported")
        }
        guard let type = form["response_type"] else {
            throw OAuthError(.invalidRequest, "response_type is missing")
        }
        guard type == "code" else {
            throw OAuthError(.unsupportedResponseType, "the response type is code")
        }
        guard form["response_mode"] ?? "query" == "query" else {
            throw OAuthError(.invalidRequest, "the response mode is query")
        }
        guard let challenge = form["code_challenge"] else {
            throw OAuthError(.invalidRequest, "PKCE is required: code_challenge is missing")
        }
        // Without a method, RFC 7636 §4.3 takes "plain", which protects nothing here.
        guard form["code_challenge_method"] == "S256" else {
            throw OAuthError(.invalidRequest, "the code_challenge_method is S256")
        }
        guard PKCE.isChallenge(challenge) else {
            throw OAuthError(.invalidRequest, "the code_challenge is not one of S256")
        }
        if let resource = form["resource"], !address.accepts(resource: resource) {
            throw OAuthError(.invalidTarget, "the resource here is \(address.resource)")
        }
        // What is not known here, such as offline_access, is left out (RFC 6749 §3.3).
        let known = (form["scope"] ?? "").split(separator: " ").compactMap {
            Scope(rawValue: String($0))
        }
        return Wish(
            challenge: challenge, scopes: known.isEmpty ? Scope.askedAtFirst : Set(known))
    }

    /// What the client wants.
    struct Wish: Sendable {
        let challenge: String
        let scopes: Set<Scope>
    }

    /// The URL that takes a code to the client, with who it comes from (RFC 9207).
    func answer(code: String, issuer: String) -> String {
        redirect.adding([("code", code)] + trailer(issuer))
    }

    /// The URL that takes a refusal to the client.
    func answer(_ error: OAuthError, issuer: String) -> String {
        redirect.adding(
            [("error", error.code.rawValue), ("error_description", error.description)]
                + trailer(issuer))
    }

    private func trailer(_ issuer: String) -> [(String, String)] {
        (state.map { [("state", $0)] } ?? []) + [("iss", issuer)]
    }
}
