// One call of a tool, as its handler sees it. Invariant: the arguments match the tool's input
// schema, as far as ArgumentSchema checks it.
public import JSON

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

    /// The same call with other arguments.
    public func with(arguments: JSON.Object) -> ToolCall {
        ToolCall(
            name: name, arguments: arguments, principal: principal, client: client,
            capabilities: capabilities, revision: revision, trace: trace, meta: meta,
            progress: progress)
    }

    /// A call built in code, to test a handler without a server.
    public init(
        name: String, arguments: JSON.Object, principal: Principal,
        client: Implementation? = nil, capabilities: JSON.Object = [:],
        revision: Revision = .v2026_07_28, trace: TraceContext? = nil,
        meta: JSON.Object = [:], progress: ProgressReporter? = nil, rawArguments: RawJSON? = nil
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
    }
}
