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
        guard let endpoint = Endpoint(text), endpoint.scheme == "tls", let host = endpoint.urlHost,
            let port = endpoint.port, ["", "/"].contains(endpoint.path)
        else {
            throw .badValue(
                place: Setting.tunnelURL.flag, value: text,
                expected: "an address that agents dial, such as tls://relay.example:8643")
        }
        description = "tls://\(host):\(port)"
    }
}

extension Endpoint {
    /// The host as a URL has it: an IPv6 address in brackets and in its shortest form; nil if
    /// brackets hold something else.
    var urlHost: String? {
        guard isBracketed else { return host }
        guard let six = SocketAddress(ip: host, port: 0), six.isIPv6 else { return nil }
        return "[\(six.host)]"
    }
}
