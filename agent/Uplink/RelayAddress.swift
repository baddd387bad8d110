// Where a relay is dialled, as its invitation says: at its own port, by WebSocket through a web
// server, or at a socket of this machine. Pure.
import Configuration
import HTTP
import Wire

/// The address of a relay.
struct RelayAddress: Equatable {
    /// The host and the port of the first connection.
    let address: Address
    /// The path of the WebSocket; nil: TLS to the relay's own port.
    let path: String?
    /// What a web server is asked for: the host, and the port if it is not that of HTTPS.
    let authority: String
    /// The path of the Unix socket of a relay on this machine; nil: it is dialled over TCP.
    let socket: String?

    /// Reads `tls://HOST:PORT`, `wss://HOST[:PORT][/PATH]` or `unix:/PATH`; nil: it is none of
    /// them.
    init?(_ text: String) {
        if text.hasPrefix("unix:/") {
            guard let decoded = PercentText.decode(text.dropFirst("unix:".count)) else {
                return nil
            }
            socket = decoded
            (address, path, authority) = (Address(host: "localhost", port: 0), nil, "localhost")
            return
        }
        socket = nil
        guard let endpoint = Endpoint(text) else { return nil }
        let isRoot = ["", "/"].contains(endpoint.path)
        switch endpoint.scheme {
        case "tls":
            guard let port = endpoint.port, isRoot else { return nil }
            (address, path) = (Address(host: endpoint.host, port: port), nil)
        case "wss":
            address = Address(host: endpoint.host, port: endpoint.port ?? 443)
            path = isRoot ? Contract.webSocketPath : endpoint.path
        default: return nil
        }
        let name = endpoint.isBracketed ? "[\(endpoint.host)]" : endpoint.host
        authority = name + (address.port == 443 ? "" : ":\(address.port)")
    }
}
