// A request on its way to a method: its method, its caller and its revision. Flow: transport and
// era detection build it, MCPServer answers it. Invariant: once it exists, the rules of its era are
// met.
import JSON
import Loop

/// Who asks, and which form the answer must have.
struct Caller: Sendable {
    var revision: Revision
    var principal: Principal
    var client: Implementation?
    var capabilities: ClientCapabilities
    /// The client, if it has sent `initialize`.
    var legacy: LegacyClient?

    /// A client that has not sent `initialize` yet.
    static func stranger(_ principal: Principal) -> Caller {
        Caller(
            revision: .newestLegacy, principal: principal, client: nil,
            capabilities: ClientCapabilities(in: .newestLegacy))
    }
}

struct Request: Sendable {
    let id: RequestID
    let method: String
    let params: Params
    let caller: Caller
    let progressToken: RequestID?
    let trace: TraceContext?
    /// What the client sent beside the arguments.
    let meta: JSON.Object
    /// Closes the connection that carries its messages, if its client can get the rest later.
    var disconnect: (@IO @Sendable () -> Void)?
    /// Sends its client a message that must not be dropped, such as a question.
    var deliver: Notify?

    init(_ message: Message, id: RequestID, method: String, caller: Caller) throws(MCPError) {
        self.id = id
        self.method = method
        params = message.params
        self.caller = caller
        trace = TraceContext(message.meta)
        meta = message.meta ?? [:]
        if let token = message.meta?[MetaKey.progressToken], !token.isNull {
            guard let token = params.members(of: "_meta")?.id(MetaKey.progressToken) else {
                throw .invalidParams("params._meta.progressToken must be a string or an integer")
            }
            progressToken = token
        } else {
            progressToken = nil
        }
    }
}

/// The one reply to a request: a whole JSON-RPC message, and the error it carries, if any.
struct Answer: Sendable {
    var bytes: [UInt8]
    var error: MCPError?

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// An error under the request's id.
    init(_ error: MCPError, for request: Request) {
        bytes = Envelope.error(request.id, error, request.caller.revision)
        self.error = error
    }
}

/// Sends a message that belongs to a running request; dropped if nobody can receive it and, unless
/// it is `Request.deliver`, if the client does not keep up.
typealias Notify = @IO @Sendable ([UInt8]) -> Void
