// The origin of web pages, as browsers send it (RFC 6454 §6.1): the values of `--allow-origin`.
// Pure. Invariant: what it takes can be equal to a browser's Origin header.
import Configuration
import Loop

/// An origin that may call the MCP endpoint.
struct WebOrigin: Hashable, CustomStringConvertible {
    /// In the form in which browsers send it: lower case, without a default port.
    let description: String

    /// Reads `SCHEME://HOST` with a port or without, and with a slash behind it or not.
    init(_ text: String) throws(ConfigurationError) {
        guard let endpoint = Endpoint(text), ["", "/"].contains(endpoint.path),
            let host = endpoint.urlHost
        else {
            throw .badValue(
                place: Settings.origins.flag, value: text,
                expected: "an origin such as https://app.example, without a path or a wildcard")
        }
        let port = endpoint.port.flatMap { $0 == Self.ports[endpoint.scheme] ? nil : ":\($0)" }
        description = "\(endpoint.scheme)://\(host)\(port ?? "")"
    }

    /// The ports that browsers leave out.
    private static let ports: [String: UInt16] = ["http": 80, "https": 443]
}
