// What every handler knows about its request, whatever it serves, and how it asks the client. Flow:
// MCPServer → CallContext → ToolCall, PromptCall, ResourceCall → handler. Invariant: it belongs to
// one run of one handler.
public import JSON
import Loop

/// What a handler knows about its request.
public struct CallContext: Sendable {
    /// The principal that calls.
    public let principal: Principal
    /// What the client program says it is; only for display and logs.
    public let client: Implementation?
    /// What the client declared that it can do.
    public let capabilities: ClientCapabilities
    /// The revision the call came in.
    public let revision: Revision
    /// The trace that this call belongs to.
    public let trace: TraceContext?
    /// The request's `_meta`, for keys that a server defines itself.
    public let meta: JSON.Object
    /// Where to report progress; `nil` if the client asked for none.
    public let progress: ProgressReporter?
    /// Where log messages go; `nil` if the client wants none.
    let log: CallLog?
    /// Closes the connection that carries this call's messages; `nil` if the client could not get
    /// the rest of them.
    let disconnect: (@IO @Sendable () -> Void)?
    let inquiry: Inquiry

    init(
        _ request: Request, progress: ProgressReporter?, log: CallLog?, _ inquiry: Inquiry
    ) {
        let caller = request.caller
        principal = caller.principal
        client = caller.client
        capabilities = caller.capabilities
        revision = caller.revision
        trace = request.trace
        meta = request.meta
        self.progress = progress
        self.log = log
        disconnect = request.disconnect
        self.inquiry = inquiry
    }

    /// A context built in code, to test a handler without a server; `answers` are the results that
    /// the client has sent, by their keys.
    public init(
        principal: Principal, client: Implementation? = nil, capabilities: JSON.Object = [:],
        revision: Revision = .v2026_07_28, trace: TraceContext? = nil, meta: JSON.Object = [:],
        progress: ProgressReporter? = nil, answers: [String: JSON] = [:]
    ) {
        self.principal = principal
        self.client = client
        self.capabilities = ClientCapabilities(capabilities, in: revision)
        self.revision = revision
        self.trace = trace
        self.meta = meta
        self.progress = progress
        log = nil
        disconnect = nil
        inquiry = Inquiry(self.capabilities, revision, replies: answers.mapValues { .result($0) })
    }
}

/// A call as a handler sees it.
public protocol ClientCall: Sendable {
    /// What the call has in common with every other.
    var context: CallContext { get }
}

extension ClientCall {
    /// The principal that calls.
    public var principal: Principal { context.principal }
    /// What the client program says it is; only for display and logs.
    public var client: Implementation? { context.client }
    /// What the client declared that it can do.
    public var capabilities: ClientCapabilities { context.capabilities }
    /// The revision the call came in.
    public var revision: Revision { context.revision }
    /// The trace that this call belongs to.
    public var trace: TraceContext? { context.trace }
    /// The request's `_meta`, for keys that a server defines itself.
    public var meta: JSON.Object { context.meta }
    /// Where to report progress; `nil` if the client asked for none.
    public var progress: ProgressReporter? { context.progress }

    /// Sends the client a log message, if it has asked for messages of this level.
    ///
    /// `data` is a text or an object; it must hold no secret. `logger` names the part that speaks.
    @IO public func log(_ level: LogLevel, _ data: JSON, logger: String? = nil) {
        context.log?.log(level, data, logger)
    }

    /// Closes the connection on which this call's messages travel, while the call goes on.
    ///
    /// The client comes back for the rest, result included. Does nothing where it could not: that
    /// takes a session of 2025-11-25 over HTTP, and a client that accepts event streams.
    @IO public func closeStream() { context.disconnect?() }

    /// What the handler gave to `keeping` when it asked; nil in its first run.
    public var kept: JSON? { context.inquiry.kept }

    /// Fails unless the client declared all of these.
    @IO public func require(_ features: ClientFeature...) throws(Interruption) {
        try context.inquiry.require(features)
    }

    /// Asks the client, and returns once everything is answered.
    ///
    /// Without the answers it throws, the client is asked, and the handler runs again from its
    /// start, in both eras: so a handler asks before it acts. It may ask several times, one after
    /// the other; earlier answers are still there. An answer that does not fit its form is asked
    /// for again. `keeping` is there as `kept` in the next run: sealed, so that the client can
    /// neither read nor change it, but not remembered by the server. With `once`, answers count
    /// only if this server has asked for them, and for one call only: for what must not happen
    /// twice. Without it, a client may send its answers with the first call. An answer shows what
    /// the client says, not that a person was asked.
    @IO public func ask(
        _ requests: InputRequest..., keeping kept: JSON? = nil, once: Bool = false
    ) throws(Interruption) -> InputResponses {
        try ask(all: requests, keeping: kept, once: once)
    }

    /// Asks for a list of things; see `ask`.
    @IO public func ask(
        all requests: [InputRequest], keeping kept: JSON? = nil, once: Bool = false
    ) throws(Interruption) -> InputResponses {
        try context.inquiry.ask(requests, keeping: kept, once: once)
    }
}
