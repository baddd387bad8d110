// How MCP clients reach the relay from outside: the value of `--public-url`. Pure.
// Flow: Settings → PublicURL → the URL that is shown, and the host name that is served.
// Invariant: what it takes is a URL that a client can use as it is; anything else is refused.
import Configuration
import Loop

/// The URL under which clients reach the MCP endpoint.
struct PublicURL: Equatable, CustomStringConvertible {
    /// The whole URL, which ends in `/mcp`.
    let description: String
    /// The host, without port; an IPv6 address in brackets.
    let host: String

    /// Reads `https://HOST`, with a port, a path, `/mcp` or slashes behind it where one is given.
    init(_ text: String) throws(ConfigurationError) {
        guard let endpoint = Endpoint(text), ["http", "https"].contains(endpoint.scheme),
            let host = endpoint.urlHost
        else {
            throw .badValue(
                place: Settings.publicURL.flag, value: text,
                expected:
                    "a URL such as https://relay.example or https://relay.example:8443/homeline")
        }
        let names = endpoint.path.split(separator: "/")
        let path = (names.last == "mcp" ? names : names + ["mcp"]).joined(separator: "/")
        let port = endpoint.port.map { ":\($0)" } ?? ""
        self.host = host
        description = "\(endpoint.scheme)://\(host)\(port)/\(path)"
    }
}
