// The URLs of OAuth: who issues tokens, what they are for, where each endpoint is. Pure. Flow:
// WebAddress → here → metadata, challenges, the check of `resource`. Invariant: they come from the
// settings alone. Where the relay is on loopback, the names of loopback are one, and a client is
// shown the one that it has used; no other Host changes anything.
import Configuration
import Loop

/// Where OAuth is.
struct OAuthAddress: Sendable, Equatable {
    let web: WebAddress

    /// Who issues tokens, byte for byte as in every answer (RFC 8414 §2), without a slash behind.
    var issuer: String { web.origin + web.path }

    /// What tokens are for: the URL of MCP (RFC 8707, RFC 9728).
    var resource: String { web.url("mcp") }

    /// Whether people can log in there.
    var isUsable: Bool { web.obstacle == nil }

    /// The path of the relay with a name behind it, as a well-known URI has it behind its own name.
    private func wellKnown(_ document: String, _ path: String) -> String {
        "/.well-known/\(document)\(path)"
    }

    /// The URL of the resource's metadata, as a client that uses `host` for the relay reads it.
    func metadata(for host: String?) -> String {
        origin(for: host) + wellKnown("oauth-protected-resource", web.path + "/mcp")
    }

    /// The resource as a client that uses `host` for the relay names it.
    func resource(for host: String?) -> String { origin(for: host) + web.path + "/mcp" }

    /// The origin under which a client has asked: on loopback one of its names.
    private func origin(for host: String?) -> String {
        guard web.host == "localhost", let host,
            let endpoint = Endpoint("http://\(host)"), endpoint.path.isEmpty,
            let asked = Self.canonical("http://\(host)"), asked == Self.canonical(web.origin)
        else { return web.origin }
        return "\(web.isSecure ? "https" : "http")://\(host.lowercased())"
    }

    /// Whether a client that names this resource means the relay.
    ///
    /// With a slash behind it or not, in any case of the host, with the usual port or without; also
    /// the issuer, which some clients take for the resource.
    func accepts(resource: String) -> Bool {
        guard let given = Self.canonical(resource) else { return false }
        return given == Self.canonical(self.resource) || given == Self.canonical(issuer)
    }

    /// One spelling of a URL; nil if the text is not one of a server.
    private static func canonical(_ text: String) -> String? {
        guard let endpoint = Endpoint(text) else { return nil }
        let usual: UInt16? = ["http": 80, "https": 443][endpoint.scheme]
        let isLoopback = SocketAddress(ip: endpoint.host, port: 0)?.isLoopback == true
        let port = endpoint.port.flatMap { $0 == usual ? nil : ":\($0)" } ?? ""
        var path = endpoint.path[...]
        while path.hasSuffix("/") { path.removeLast() }
        return "\(endpoint.scheme)://\(isLoopback ? "localhost" : endpoint.host)\(port)\(path)"
    }

    /// The paths of a document, with the relay's path before or behind its name and without.
    ///
    /// Clients derive them in several ways (RFC 8414 §3.1 and §5, RFC 9728 §3.1), and a web server
    /// may pass the path on or not.
    func paths(of document: String, behind path: String = "") -> [String] {
        let paths = [
            wellKnown(document, ""), wellKnown(document, path), wellKnown(document, web.path),
            wellKnown(document, web.path + path),
        ]
        return paths.enumerated().filter { !paths[..<$0.offset].contains($0.element) }.map(
            \.element)
    }
}
