// The agents' way in through a web server that ends TLS: a WebSocket on the MCP port, which carries
// the tunnel's own TLS. Flow: RelayService → WebSocketDoor → Gate, as from the port for agents.
// Invariant: nothing is decided here; whoever gets in still has to prove its key inside.
import HTTP
import Loop
import Wire

/// Requests for the tunnel's WebSocket.
@IO struct WebSocketDoor {
    let gate: Gate

    /// Whether a path is that of the WebSocket, whatever a proxy has put before it.
    static func serves(_ path: String) -> Bool {
        path.split(separator: "/").last.map { "/\($0)" } == Contract.webSocketPath
    }

    /// Opens the WebSocket and gives it to the gate, or says what was wrong with the request.
    func answer(_ request: HTTPRequest, _ responder: HTTPResponder) {
        // Agents send none, and browsers cannot leave it out.
        guard request.header("origin") == nil else {
            return responder.send(status: 403, text: "web pages have no business here")
        }
        guard !gate.isClosed else {
            return responder.send(
                status: 503, text: "this relay is ending: dial again in a moment",
                headers: ["Retry-After": "1"])
        }
        let stream = responder.openWebSocket(request, protocol: Contract.webSocketProtocol)
        if let stream { gate.accept(stream) }
    }
}
