// One call of a tool, as its handler sees it. Invariant: the arguments match the tool's input
// schema, as far as ArgumentSchema checks it.
public import JSON
import Loop

/// One call of a tool.
public struct ToolCall: Sendable {
    /// The tool's name.
    public let name: String
    /// The arguments, checked against the input schema.
    public let arguments: JSON.Object
    /// The same arguments as the bytes that were sent, to pass on without writing them again.
    public let rawArguments: RawJSON
    /// The principal that calls.
    public let principal: Principal
    /// What the client program says it is; only for display and logs.
    public let client: Implementation?
    /// The capabilities the client declared.
    public let capabilities: JSON.Object
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

    /// The same call with other arguments.
    public func with(arguments: JSON.Object) -> ToolCall {
        ToolCall(
            name: name, arguments: arguments, principal: principal, client: client,
            capabilities: capabilities, revision: revision, trace: trace, meta: meta,
            progress: progress, log: log, disconnect: disconnect)
    }

    /// Closes the connection on which this call's messages travel, while the call goes on.
    ///
    /// The client comes back for the rest, result included. Does nothing where it could not: that
    /// takes a session of 2025-11-25 over HTTP, and a client that accepts event streams.
    @IO public func closeStream() { disconnect?() }

    /// A call built in code, to test a handler without a server.
    public init(
        name: String, arguments: JSON.Object, principal: Principal,
        client: Implementation? = nil, capabilities: JSON.Object = [:],
        revision: Revision = .v2026_07_28, trace: TraceContext? = nil,
        meta: JSON.Object = [:], progress: ProgressReporter? = nil, rawArguments: RawJSON? = nil
    ) {
        self.init(
            name: name, arguments: arguments, principal: principal, client: client,
            capabilities: capabilities, revision: revision, trace: trace, meta: meta,
            progress: progress, rawArguments: rawArguments, log: nil, disconnect: nil)
    }

    /// A call that a server has received.
    init(
        name: String, arguments: JSON.Object, principal: Principal, client: Implementation?,
        capabilities: JSON.Object, revision: Revision, trace: TraceContext?, meta: JSON.Object,
        progress: ProgressReporter?, rawArguments: RawJSON? = nil, log: CallLog?,
        disconnect: (@IO @Sendable () -> Void)?
    ) {
        self.name = name
        self.arguments = arguments
        self.rawArguments = rawArguments ?? RawJSON(.object(arguments))
        self.principal = principal
        self.client = client
        self.capabilities = capabilities
        self.revision = revision
        self.trace = trace
        self.meta = meta
        self.progress = progress
        self.log = log
        self.disconnect = disconnect
    }
}
