// How MCP clients reach the relay from outside: the value of `--public-url`. Pure.
// Flow: Settings → PublicURL → the URL that is shown, the host names and paths that are served.
// Invariant: what it takes is a URL that a client can use as it is; anything else is refused.
import Configuration
import Loop

/// The URL under which clients reach the MCP endpoint.
struct PublicURL: Equatable, CustomStringConvertible {
    /// The whole URL, which ends in `/mcp`.
    let description: String
    /// The host, without port; an IPv6 address in brackets.
    let host: String
    /// The path, which a proxy may pass on as it is.
    let path: String

    /// Reads `https://HOST`, with a port, a path, `/mcp` or slashes behind it where one is given.
    init(_ text: String) throws(ConfigurationError) {
        guard let scheme = ["https://", "http://"].first(where: text.lowercased().hasPrefix),
            let parts = Self.parts(of: text.dropFirst(scheme.count))
        else { throw Self.refusal(text) }
        let names = parts.path.split(separator: "/")
        let path = "/" + (names.last == "mcp" ? names : names + ["mcp"]).joined(separator: "/")
        host = parts.host
        self.path = path
        description = scheme + parts.host + (parts.port.map { ":\($0)" } ?? "") + path
    }

    private static func parts(
        of text: Substring
    ) -> (host: String, port: UInt16?, path: Substring)? {
        let end = text.firstIndex(of: "/") ?? text.endIndex
        let (authority, path) = (text[..<end], text[end...])
        // `HOST:` without a number is refused; it would be read as port 0.
        guard let address = Address(String(authority), defaultPort: 0), !authority.hasSuffix(":"),
            path.utf8.allSatisfy(isPathByte)
        else { return nil }
        let name = address.host.lowercased()
        let port = address.port == 0 ? nil : address.port
        if authority.hasPrefix("[") {
            guard let six = SocketAddress(ip: name, port: 0), six.isIPv6 else { return nil }
            return ("[\(six.host)]", port, path)
        }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) }) else {
            return nil
        }
        return (name, port, path)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }

    /// What needs no escape in a path (RFC 3986 §2.3), and the slash.
    private static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F, 0x7E: true
        default: false
        }
    }

    private static func refusal(_ text: String) -> ConfigurationError {
        .badValue(
            place: Settings.publicURL.flag, value: text,
            expected: "a URL such as https://relay.example or https://relay.example:8443/homeline")
    }
}
