// How agents reach the relay: the value of `--tunnel-url`. Pure. Invariant: what it takes is an
// address that an agent can dial as it is; anything else is refused where it was given.
import Configuration
import Loop

/// The URL that invitations carry.
struct TunnelURL: Equatable, CustomStringConvertible {
    /// `tls://HOST:PORT`.
    let description: String

    /// Reads `tls://HOST:PORT`, with a slash behind it or not.
    init(_ text: String) throws(ConfigurationError) {
        let scheme = "tls://"
        let rest = text.dropFirst(scheme.count)
        guard text.lowercased().hasPrefix(scheme),
            let address = Address(String(rest.hasSuffix("/") ? rest.dropLast() : rest)),
            address.port > 0,
            rest.hasPrefix("[")
                ? SocketAddress(ip: address.host, port: 0)?.isIPv6 == true
                : address.host.utf8.allSatisfy(Self.isNameByte)
        else {
            throw .badValue(
                place: Setting.tunnelURL.flag, value: text,
                expected: "an address that agents dial, such as tls://relay.example:8643")
        }
        description = scheme + "\(address)"
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
