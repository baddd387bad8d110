// `HOST:PORT`, as listeners and relays are written.
// An IPv6 address is in brackets, so the last colon is always the port's.

/// A host name or address with a port.
public struct Address: Sendable, Hashable, CustomStringConvertible {
    /// The name or address, without brackets.
    public let host: String
    /// The port; 0 lets the system choose.
    public let port: UInt16

    /// An address from its parts.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT` or `[IPV6]:PORT`; with a default port also `HOST`.
    public init?(_ text: String, defaultPort: UInt16? = nil) {
        var host = text[...]
        var port = defaultPort
        let bracketed = text.hasPrefix("[")
        if let colon = text.lastIndex(of: ":"), !bracketed || text[..<colon].hasSuffix("]") {
            guard let number = Quantity.number(text[text.index(after: colon)...]),
                let given = UInt16(exactly: number)
            else { return nil }
            host = text[..<colon]
            port = given
        }
        if bracketed {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        let isPlain = host.utf8.allSatisfy {
            $0 > 32 && $0 < 127 && $0 != 47 && $0 != 91 && $0 != 93
        }
        guard let port, !host.isEmpty, host.utf8.count <= 255, isPlain else { return nil }
        self.host = String(host)
        self.port = port
    }

    /// `HOST:PORT`, with brackets round an IPv6 address.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
