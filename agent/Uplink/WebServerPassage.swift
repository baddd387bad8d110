// The way to a relay through a web server that ends TLS (`wss://`): TLS to that server, then a
// WebSocket, inside of which the tunnel's own TLS begins. Part of RelayConnection; doctor walks it
// in the same two steps.
// Invariant: nothing that comes through it is trusted before the TLS inside is there.
import Configuration
import HTTP
import Loop
import Net
import Wire

/// The two layers below a tunnel that a web server passes on.
@IO enum WebServerPassage {
    /// The time for both together.
    nonisolated static let time = Duration.seconds(10)

    /// TLS to the web server, whose certificate must be of an authority.
    static func greet(
        over socket: any ByteStream, _ relay: RelayAddress, _ way: WayOut,
        deadline: Duration = time
    ) async throws(UplinkError) -> TLSStream {
        do throws(NetError) {
            // Some servers speak HTTP/2 where they may, which has no Upgrade; and some proxies that
            // open TLS have no 1.3, which the TLS inside makes good.
            let context = try TLSContext(
                client: .authorities(extraFile: way.authoritiesFile), alpn: ["http/1.1"],
                allowsTLS12: true)
            return try await TLSStream.handshake(
                over: socket, context: context, serverName: relay.address.host,
                deadline: deadline)
        } catch {
            throw .webServer(error)
        }
    }

    /// The WebSocket at the relay's path.
    static func open(
        over stream: TLSStream, _ relay: RelayAddress, deadline: Duration = time
    ) async throws(UplinkError) -> WebSocketStream {
        do throws(WebSocketError) {
            return try await WebSocketStream.connect(
                over: stream, host: relay.authority,
                path: relay.path ?? Contract.webSocketPath,
                protocol: Contract.webSocketProtocol, deadline: deadline)
        } catch {
            throw .webSocket(error)
        }
    }

    /// Both.
    static func pass(
        over socket: any ByteStream, _ relay: RelayAddress, _ way: WayOut
    ) async throws(UplinkError) -> WebSocketStream {
        let end = IO.now + time
        let stream = try await greet(over: socket, relay, way, deadline: end - IO.now)
        return try await open(over: stream, relay, deadline: end - IO.now)
    }

    /// What to do where a web server opens no WebSocket.
    nonisolated static func advice(_ error: WebSocketError) -> String {
        let right = "have the proxy pass it on to the relay's MCP port (docs/proxies.md)"
        switch error {
        case .ended, .silent:
            return "look whether the proxy in front of the relay, and the relay, run"
        case .notHTTP:
            return "this is not a web server's port: compare it with --tunnel-url of the relay"
        case .otherProtocol:
            return "something between changes the answer: try from another network"
        case .answered(let status, _):
            switch status {
            case 101, 200..<300:
                return "another page is at this path: \(right)"
            case 300..<400:
                return "the proxy sends elsewhere, such as to a login: except this path from that,"
                    + " or correct --tunnel-url of the relay"
            case 401, 403, 407:
                return "the proxy asks for a login or refuses this machine: except this path from"
                    + " that; the relay asks for a proof of its own"
            case 404, 405, 410, 421:
                return "nobody serves this path or name: \(right), or correct --tunnel-url of the"
                    + " relay"
            case 426:
                return "the proxy does not pass on the headers Upgrade and Connection, or speaks"
                    + " HTTP/1.0 or HTTP/2 with the relay (docs/proxies.md)"
            case 400, 501, 505:
                return "the proxy or the relay did not understand the request for a WebSocket:"
                    + " compare the proxy with docs/proxies.md"
            case 429: return "the proxy limits how often this machine may ask: wait, or raise it"
            case 500..<600:
                return "the proxy does not reach the relay: start the relay, or compare the"
                    + " proxy's upstream with the relay's MCP port"
            default: return "compare the proxy with docs/proxies.md"
            }
        }
    }
}
