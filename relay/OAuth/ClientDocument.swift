// What programs say of themselves: a registration (RFC 7591) or a client id metadata document.
// Pure. Flow: the body of /oauth/register, or what a client's URL holds → here → OAuthClient.
// Invariant: of all that they say, the name is shown as theirs and the redirect URIs count; nothing
// else does.
import Configuration
import JSON
import Loop

/// A description of a client in JSON.
struct ClientDocument: Sendable {
    /// The longest one in bytes, registered or fetched: the most that browsers' door takes from a
    /// stranger.
    static let limit = FormBody.limit
    /// The most redirect URIs.
    static let redirectLimit = 16
    /// What a reader of one takes: they are flat and short.
    private static let limits = {
        var limits = JSONLimits.standard
        (limits.depth, limits.values) = (16, 2000)
        return limits
    }()

    let name: String?
    let redirects: [RedirectURI]
    private let json: JSON

    /// Reads one.
    init(_ bytes: [UInt8]) throws(OAuthError) {
        guard bytes.count <= Self.limit, let json = try? JSON(parsing: bytes, limits: Self.limits),
            json.objectValue != nil
        else { throw OAuthError(.invalidClientMetadata, "it is not a JSON object of usual size") }
        guard let texts = json["redirect_uris"]?.arrayValue, !texts.isEmpty,
            texts.count <= Self.redirectLimit
        else {
            throw OAuthError(
                .invalidRedirectURI, "redirect_uris has 1 to \(Self.redirectLimit) addresses")
        }
        var redirects: [RedirectURI] = []
        for text in texts {
            guard let redirect = text.stringValue.flatMap(RedirectURI.init) else {
                throw OAuthError(
                    .invalidRedirectURI,
                    "a redirect URI is https, http on loopback, or has a scheme of the program's "
                        + "own; it has no fragment and no user")
            }
            if !redirects.contains(redirect) { redirects.append(redirect) }
        }
        for (key, needed) in [("grant_types", "authorization_code"), ("response_types", "code")] {
            guard let given = json[key]?.arrayValue, !given.isEmpty else { continue }
            guard given.contains(.string(needed)) else {
                throw OAuthError(.invalidClientMetadata, "\(key) must have \(needed)")
            }
        }
        self.json = json
        self.redirects = redirects
        name = json["client_name"]?.stringValue.flatMap(Self.shown)
    }

    /// A name as people may see it; nil if nothing is left of it.
    static func shown(_ name: String) -> String? {
        // A name may be long before it is cut; its first part is looked at alone.
        let start = String(
            name.unicodeScalars.prefix(4 * OAuthClient.nameLimit).map(Character.init))
        let words = start.plain(keepsLines: false).split { $0 == " " || $0 == "\t" }
        let text = String(words.joined(separator: " ").prefix(OAuthClient.nameLimit))
        return text.isEmpty ? nil : text
    }

    // MARK: Registration

    /// The client that a registration makes.
    func registered(id: String, at now: Int64) -> OAuthClient {
        OAuthClient(
            id: id, name: name ?? "a program without a name", redirects: redirects,
            origin: .registered, created: now)
    }

    /// The answer to a registration: what is in force, whatever was asked for (RFC 7591 §3.2.1).
    func answer(_ client: OAuthClient) -> JSON {
        var answer: JSON.Object = [
            "client_id": .string(client.id), "client_id_issued_at": .int(client.created),
            "client_name": .string(client.name),
            "redirect_uris": .array(redirects.map { .string($0.description) }),
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        ]
        // The addresses say it better: programs that name both kinds say "web".
        let type = json["application_type"]?.stringValue
        let isNative = redirects.contains { $0.place != .web }
        answer["application_type"] = .string(type == "native" || isNative ? "native" : "web")
        return .object(answer)
    }

    // MARK: Metadata documents

    /// The client whose id is the URL at which the document was found.
    func described(at url: String) throws(OAuthError) -> OAuthClient {
        // Byte for byte: nobody's document speaks for another URL.
        guard json["client_id"]?.stringValue?.utf8.elementsEqual(url.utf8) == true else {
            throw OAuthError(.invalidClient, "the document's client_id is not its URL")
        }
        // There is no way to prove a secret that is public; `private_key_jwt` is what a client can
        // do where a server takes it, and this one's metadata says that it takes `none`.
        let method = json["token_endpoint_auth_method"]?.stringValue ?? "none"
        guard ["none", "private_key_jwt"].contains(method), json["client_secret"] == nil else {
            throw OAuthError(.invalidClient, "its client must do without a secret")
        }
        return OAuthClient(
            id: url, name: name ?? Endpoint(url)?.host ?? "a program without a name",
            redirects: redirects, origin: .document)
    }
}
