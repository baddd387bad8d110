// Where the relay's pages are, for links, cookies and passkeys. Pure. Flow: the URL of the MCP
// endpoint → here → pages, OAuth. Invariant: it comes from the settings, never from a request.
import Configuration
import Loop

/// The address of the relay's pages.
struct WebAddress: Sendable, Equatable {
    /// Scheme, host and port, as browsers send them in `Origin`.
    let origin: String
    /// The path under which the relay is: "" or "/homeline".
    let path: String
    /// The host's name, without port: what passkeys are bound to.
    let host: String
    /// Whether browsers come over TLS.
    let isSecure: Bool

    /// The pages beside the MCP endpoint at `mcp`; nil if that is not the URL of one.
    ///
    /// A loopback address becomes `localhost`: passkeys are bound to names.
    init?(mcp: String) {
        guard let endpoint = Endpoint(mcp), let urlHost = endpoint.urlHost,
            endpoint.path.hasSuffix("/mcp")
        else { return nil }
        let isLoopback = SocketAddress(ip: endpoint.host, port: 0)?.isLoopback == true
        isSecure = endpoint.scheme == "https"
        host = isLoopback ? "localhost" : endpoint.host
        let usual: UInt16 = isSecure ? 443 : 80
        let port = endpoint.port.flatMap { $0 == usual ? nil : ":\($0)" } ?? ""
        origin = "\(endpoint.scheme)://\(isLoopback ? "localhost" : urlHost)\(port)"
        path = String(endpoint.path.dropLast("/mcp".count))
    }

    /// Why browsers offer no passkeys here; nil: they do.
    ///
    /// They need TLS, or this machine itself, and a name to bind a passkey to.
    var obstacle: String? {
        let isName = SocketAddress(ip: host, port: 0) == nil
        if isName, isSecure || host == "localhost" || host.hasSuffix(".localhost") { return nil }
        return "people log in by passkeys, which browsers offer only at https:// and a name, or at"
            + " localhost: this relay is at \(origin) (--public-url sets another URL)"
    }

    /// The URL of a page; `page` has no slash before it.
    func url(_ page: String) -> String { "\(origin)\(path)/\(page)" }
}
