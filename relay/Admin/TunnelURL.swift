// How agents reach the relay: the value of `--tunnel-url`. Pure. Invariant: what it takes is an
// address that an agent can dial as it is; anything else is refused where it was given.
import Configuration
import Loop
import Wire

/// The URL that invitations carry.
struct TunnelURL: Equatable, CustomStringConvertible {
    /// `tls://HOST:PORT` or `wss://HOST[:PORT]/…/tunnel`.
    let description: String
    /// The host, without brackets.
    let host: String
    /// The port that is dialled.
    let port: UInt16
    /// The path of the WebSocket; nil: agents dial the relay's own port.
    let path: String?
    /// The host and, where one was given, the port, as a URL has them.
    let authority: String

    /// Reads `tls://HOST:PORT`, with a slash behind it or not; or `wss://HOST`, with a port, a
    /// path, `/tunnel` or slashes behind it where one is given.
    init(_ text: String) throws(ConfigurationError) {
        guard let endpoint = Endpoint(text), let name = endpoint.urlHost,
            let (port, path) = Self.place(endpoint)
        else {
            throw .badValue(
                place: Setting.tunnelURL.flag, value: text,
                expected: "an address that agents dial, such as tls://relay.example:8643 or"
                    + " wss://relay.example/tunnel")
        }
        (host, self.port, self.path) = (endpoint.host, port, path)
        let shown = path == nil ? ":\(port)" : endpoint.port.map { ":\($0)" } ?? ""
        authority = name + shown
        description = "\(endpoint.scheme)://\(authority)\(path ?? "")"
    }

    /// Reads the addresses of one relay: none, or some that differ.
    static func list(_ texts: [String]) throws(ConfigurationError) -> [TunnelURL] {
        var urls: [TunnelURL] = []
        for text in texts {
            let url = try TunnelURL(text)
            if !urls.contains(url) { urls.append(url) }
        }
        guard urls.count <= Invitation.mostURLs else {
            throw .badValue(
                place: Setting.tunnelURL.flag, value: texts.joined(separator: ","),
                expected: "at most \(Invitation.mostURLs) addresses")
        }
        return urls
    }

    /// Why sites may not reach an address that the relay has chosen itself; nil: nothing is known.
    var doubt: String? {
        let advice =
            "name the address that sites reach, by --tunnel-url here or TunnelUrl in relay.conf"
        if let address = SocketAddress(ip: host, port: 0) {
            return address.isLoopback ? "\(host) is this machine's own: \(advice)" : nil
        }
        if host.hasSuffix(".") || host.dropLast().contains(".") { return nil }
        return "\(host) has no dot, and sites may not find it: \(advice)"
    }

    /// The addresses of one text, as the store and the requests of `invite` hold them.
    static func texts(_ text: String?) -> [String] {
        (text ?? "").split(separator: " ").map(String.init)
    }

    private static func place(_ endpoint: Endpoint) -> (port: UInt16, path: String?)? {
        switch endpoint.scheme {
        case "tls":
            guard let port = endpoint.port, ["", "/"].contains(endpoint.path) else { return nil }
            return (port, nil)
        case "wss":
            let names = endpoint.path.split(separator: "/")
            let last = Contract.webSocketPath.dropFirst()
            let whole = names.last == last ? names : names + [last]
            return (endpoint.port ?? 443, "/" + whole.joined(separator: "/"))
        default: return nil
        }
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
