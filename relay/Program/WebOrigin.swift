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
        let plain = (text.hasSuffix("/") ? text.dropLast() : text[...]).lowercased()
        let parts = plain.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        // `HOST:` without a number is refused; it would be read as port 0.
        guard parts.count == 2, Self.isScheme(parts[0]), !parts[1].contains(where: "*@?#".contains),
            let address = Address(String(parts[1]), defaultPort: 0), !parts[1].hasSuffix(":")
        else {
            throw .badValue(
                place: Settings.origins.flag, value: text,
                expected: "an origin such as https://app.example, without a path or a wildcard")
        }
        let isDefault = address.port == 0 || address.port == Self.ports[parts[0]]
        let six = SocketAddress(ip: address.host, port: 0).flatMap { $0.isIPv6 ? $0.host : nil }
        let host = six.map { "[\($0)]" } ?? address.host
        description = "\(parts[0])://\(host)" + (isDefault ? "" : ":\(address.port)")
    }

    private static let ports: [Substring: UInt16] = ["http": 80, "https": 443]

    /// Browsers' extensions and desktop programs have schemes of their own.
    private static func isScheme(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x61...0x7A, 0x30...0x39, 0x2B, 0x2D, 0x2E: true
                default: false
                }
            }
    }
}
