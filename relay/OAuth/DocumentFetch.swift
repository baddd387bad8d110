// Fetches the document that a client's id leads to: the one request that the relay makes for a
// stranger. Flow: the URL → DNS → the addresses that are public → TLS → GET → the bytes. Invariant:
// the address that is dialled is the one that was judged; there is no second request, whatever the
// server says.
import Configuration
import HTTP
import Loop
import Net

/// Fetches metadata documents.
struct DocumentFetch: Sendable {
    /// From the name to the last byte.
    static let patience = Duration.seconds(5)
    /// A server's head: several times what usual ones send.
    static let headBytes = 16 << 10

    /// A document as its server gave it.
    struct Answer: Sendable {
        let body: [UInt8]
        /// How long it may be kept, in seconds, as its server says; nil: it says nothing.
        let lifetime: Int64?
    }

    /// Which addresses may be dialled.
    var allows: @Sendable (SocketAddress) -> Bool = { $0.isPublic }
    /// Whose certificates count.
    var trust = TLSContext.Trust.authorities(extraFile: nil)
    /// Finds a host's addresses.
    var resolve: @IO @Sendable (String, UInt16) async -> [SocketAddress] = { host, port in
        (try? await DNS.resolve(host, port: port)) ?? []
    }
    /// The port of every server: a client's URL must not make the relay look for other services.
    var port: UInt16 = 443

    /// Whether a client's id may be this URL: https, with a path that no reader changes.
    static func isURL(_ text: String) -> Bool {
        guard text.hasPrefix("https://"), text.utf8.count <= 1000, let endpoint = Endpoint(text),
            endpoint.port == nil, !endpoint.isBracketed, endpoint.path.utf8.count > 1
        else { return false }
        return !endpoint.path.split(separator: "/").contains { $0 == "." || $0 == ".." }
    }

    /// The document at a URL; throws why there is none.
    @IO func callAsFunction(_ url: String) async throws(OAuthError) -> Answer {
        guard Self.isURL(url), let endpoint = Endpoint(url) else {
            throw Self.failure("is no https URL with a path and without a port")
        }
        let end = IO.now + Self.patience
        guard
            let addresses = await IO.within(
                Self.patience,
                { [resolve, port] in
                    await resolve(endpoint.host, port)
                }), !addresses.isEmpty
        else { throw Self.failure("has a host whose name does not resolve") }
        // Not only those that are public: a name with both is made to be mistaken.
        guard addresses.allSatisfy(allows) else {
            throw Self.failure("leads to an address that is not on the public Internet")
        }
        var last = Self.failure("cannot be reached")
        for address in addresses.prefix(3) {
            do throws(OAuthError) { return try await get(endpoint, at: address, until: end) } catch
            {
                last = error
                guard IO.now < end else { break }
            }
        }
        throw last
    }

    @IO private func get(
        _ endpoint: Endpoint, at address: SocketAddress, until end: ContinuousClock.Instant
    ) async throws(OAuthError) -> Answer {
        var limits = HTTPLimits()
        (limits.bodyBytes, limits.headBytes) = (ClientDocument.limit, Self.headBytes)
        let (trust, host) = (trust, endpoint.host)
        let client = HTTPClient(host: host, limits: limits) { () async throws(NetError) in
            let socket = try await SocketStream.connect(to: address, deadline: end - IO.now)
            return try await TLSStream.handshake(
                over: socket,
                context: try TLSContext(client: trust, alpn: ["http/1.1"], allowsTLS12: true),
                serverName: host, deadline: end - IO.now)
        }
        defer { client.close() }
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await client.get(
                endpoint.path,
                headers: ["Accept": "application/json", "User-Agent": "Homeline"],
                deadline: max(.milliseconds(1), end - IO.now))
        } catch {
            throw Self.failure("gives no document: \(error)")
        }
        guard response.status == 200 else {
            // A redirect could lead anywhere, and a client's id is where its document is.
            throw Self.failure("gives no document, but the status \(response.status)")
        }
        let type = (response.header("content-type") ?? "").prefix { $0 != ";" }
        let kind = type.filter { $0 != " " && $0 != "\t" }.lowercased()
        guard
            kind == "application/json" || kind.hasPrefix("application/") && kind.hasSuffix("+json")
        else { throw Self.failure("does not give JSON") }
        return Answer(
            body: response.body, lifetime: Self.lifetime(response.header("cache-control")))
    }

    /// What `Cache-Control` says (RFC 9111 §5.2.2).
    static func lifetime(_ header: String?) -> Int64? {
        guard let header else { return nil }
        var lifetime: Int64?
        for word in header.lowercased().split(separator: ",") {
            let word = word.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
            if word == "no-store" || word == "no-cache" { return 0 }
            if word.hasPrefix("max-age="), let seconds = Int64(word.dropFirst(8)) {
                lifetime = seconds
            }
        }
        return lifetime
    }

    private static func failure(_ why: String) -> OAuthError {
        OAuthError(.invalidClient, "the client's URL \(why)")
    }
}
