// One call of a tool, as its handler sees it. Invariant: the arguments match the tool's input
// schema, as far as ArgumentSchema checks it.
public import JSON

/// One call of a tool.
public struct ToolCall: ClientCall {
    /// The tool's name.
    public let name: String
    /// The arguments, checked against the input schema.
    public let arguments: JSON.Object
    /// The same arguments as the bytes that were sent, to pass on without writing them again.
    public let rawArguments: RawJSON
    /// What the call has in common with every other.
    public let context: CallContext

    init(
        name: String, arguments: JSON.Object, rawArguments: RawJSON? = nil, context: CallContext
    ) {
        self.name = name
        self.arguments = arguments
        self.rawArguments = rawArguments ?? RawJSON(.object(arguments))
        self.context = context
    }

    /// The same call with other arguments.
    public func with(arguments: JSON.Object) -> ToolCall {
        ToolCall(name: name, arguments: arguments, context: context)
    }

    /// A call built in code, to test a handler without a server; `answers` are the results that the
    /// client has sent, by their keys.
    public init(
        name: String, arguments: JSON.Object, principal: Principal,
        client: Implementation? = nil, capabilities: JSON.Object = [:],
        revision: Revision = .v2026_07_28, trace: TraceContext? = nil,
        meta: JSON.Object = [:], progress: ProgressReporter? = nil, rawArguments: RawJSON? = nil,
        answers: [String: JSON] = [:]
    ) {
        self.init(
            name: name, arguments: arguments, rawArguments: rawArguments,
            context: CallContext(
                principal: principal, client: client, capabilities: capabilities,
                revision: revision, trace: trace, meta: meta, progress: progress,
                answers: answers))
    }
}
