// What clients read before they ask for a token: the two metadata documents. Pure. Invariant: the
// documents list what the relay does, and nothing else; the scopes are the few that every client
// should ask for at first.
import JSON
import Wire

/// The metadata documents.
enum OAuthMetadata {
    /// Of the resource (RFC 9728 §2).
    static func resource(_ address: OAuthAddress, host: String?) -> JSON {
        [
            "resource": .string(address.resource(for: host)),
            "authorization_servers": [.string(address.issuer)],
            "scopes_supported": .array(scopes), "bearer_methods_supported": ["header"],
            "resource_name": "Homeline",
        ]
    }

    /// Of the authorization server (RFC 8414 §2).
    ///
    /// It is also where OpenID Connect has its own, as some clients look there alone; there are no
    /// id tokens.
    static func server(_ address: OAuthAddress, readsDocuments: Bool) -> JSON {
        func url(_ name: String) -> JSON { .string(address.web.url("oauth/\(name)")) }
        return [
            "issuer": .string(address.issuer), "authorization_endpoint": url("authorize"),
            "token_endpoint": url("token"), "registration_endpoint": url("register"),
            "revocation_endpoint": url("revoke"), "scopes_supported": .array(scopes),
            "response_types_supported": ["code"], "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            // Clients refuse a server without it.
            "code_challenge_methods_supported": ["S256"],
            "client_id_metadata_document_supported": .bool(readsDocuments),
            "authorization_response_iss_parameter_supported": true,
        ]
    }

    private static var scopes: [JSON] {
        Scope.allCases.filter(Scope.askedAtFirst.contains).map { .string($0.rawValue) }
    }
}
