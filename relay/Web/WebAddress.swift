// Where the relay's pages are, for links, cookies and passkeys. Pure. Flow: the URL of the MCP
// endpoint → here → pages, OAuth. Invariant: it comes from the settings alone, never from a
// request.
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

    /// The URL of a page; `page` has no slash before it.
    func url(_ page: String) -> String { "\(origin)\(path)/\(page)" }
}
