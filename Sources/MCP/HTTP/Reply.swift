// What the HTTP adapter needs of a responder; a test puts a recorder in its place. Invariant: as
// with HTTPResponder, exactly one response is sent, and writing to a client that left does nothing.
public import HTTP
import JSON
import Loop

@IO protocol Reply: AnyObject {
    var onDisconnect: (@IO () -> Void)? { get set }
    /// Called once when the client sends no more: it has left, or waits for the reply.
    var onInputEnd: (@IO () -> Void)? { get set }
    /// Who the request came from, so that the connection can be ended with that client.
    var client: String? { get set }
    func send(status: Int, headers: HTTPHeaders, body: [UInt8])
    func start(status: Int, headers: HTTPHeaders)
    func write(_ chunk: [UInt8]) async throws(HTTPError)
    func end()
    /// Cancels the task that works on the response, which is still sent.
    func cancel()
}

extension HTTPResponder: Reply {
    /// Sends status 404 in the form that OAuth clients read: they look for metadata beside MCP.
    public func sendNotFound(_ line: String) { refuse(404, error: "not_found", line, [:]) }
}

extension Reply {
    /// A refusal below JSON-RPC: one plain line.
    func refuse(_ status: Int, _ line: String, _ headers: HTTPHeaders) {
        var headers = headers
        headers["Content-Type"] = "text/plain; charset=utf-8"
        send(status: status, headers: headers, body: Array("\(line)\n".utf8))
    }

    /// A refusal that OAuth clients read, too: JSON with the names of RFC 6749 §5.2.
    func refuse(_ status: Int, error: String, _ line: String, _ headers: HTTPHeaders) {
        let body: JSON = ["error": .string(error), "error_description": .string(line)]
        send(json: body.encoded(), status: status, headers)
    }

    func send(json: [UInt8], status: Int, _ headers: HTTPHeaders) {
        var headers = headers
        headers["Content-Type"] = "application/json"
        send(status: status, headers: headers, body: json)
    }
}
