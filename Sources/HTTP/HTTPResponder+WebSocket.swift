// The server's side of a WebSocket's beginning. Flow: a handler asks for it, the connection gives
// its stream away, and HTTPServer forgets it.
import Net

extension HTTPResponder {
    /// Opens the WebSocket that a request asks for; nil: it was answered with the reason instead,
    /// or its client has left.
    ///
    /// The stream is the caller's from then on, and counts as no connection of the server.
    public func openWebSocket(
        _ request: HTTPRequest, protocol name: String
    ) -> WebSocketStream? {
        if let refusal = WebSocketHandshake.refusal(of: request, protocol: name) {
            var headers: HTTPHeaders = [:]
            if refusal.status == 426 {
                headers = ["Upgrade": "websocket", "Sec-WebSocket-Version": "13"]
            }
            send(status: refusal.status, text: refusal.text, headers: headers)
            return nil
        }
        guard let (stream, early) = detach() else { return nil }
        stream.write(WebSocketHandshake.acceptance(of: request, protocol: name))
        return WebSocketStream(over: stream, .server, early: early)
    }
}
