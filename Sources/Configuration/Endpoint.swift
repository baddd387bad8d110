// `SCHEME://HOST[:PORT][/PATH]`: how relays, pages and clients name each other. Pure.
// Invariant: the host is a name or an address as RFC 3986 §3.2.2 writes it.

/// The parts of a URL that names a server.
public struct Endpoint: Sendable, Hashable {
    /// The scheme, in lower case.
    public let scheme: String
    /// The host in lower case, without brackets.
    public let host: String
    /// Whether the host stood in brackets, as an IPv6 address must; its caller checks the address.
    public let isBracketed: Bool
    /// The port, 1 to 65,535; nil: none was given.
    public let port: UInt16?
    /// What follows the host and port: empty, or from the first slash on.
    public let path: String

    /// Reads a URL; nil if the text has another form, a user, a query or a fragment.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            return nil
        }
        scheme = text[..<colon].lowercased()
        let rest = text[text.index(colon, offsetBy: 3)...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        path = String(rest[slash...])
        // Port 0 stands for "none given", so a port that is given must not be 0.
        guard Self.isScheme(scheme), !authority.hasSuffix(":"), !authority.hasSuffix(":0"),
            let address = Address(String(authority), defaultPort: 0),
            path.utf8.allSatisfy(Self.isPathByte)
        else { return nil }
        isBracketed = authority.hasPrefix("[")
        host = address.host.lowercased()
        port = address.port == 0 ? nil : address.port
        guard isBracketed || host.utf8.allSatisfy(Self.isNameByte), !host.hasPrefix("."),
            !host.contains("..")
        else { return nil }
    }

    /// RFC 3986 §3.1; browsers' extensions and desktop programs have schemes of their own.
    private static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x61...0x7A, 0x30...0x39, 0x2B, 0x2D, 0x2E: true
            default: false
            }
        }
    }

    /// Letters, digits, hyphens, dots, and the underscore that some names have.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
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
}
