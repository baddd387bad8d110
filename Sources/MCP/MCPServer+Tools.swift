// tools/list and tools/call. Flow: Request → ToolTable → schema → handler → ToolResult → bytes.
// Invariant: a handler runs only with arguments that fit its schema and a principal that holds its
// scope; its result's bytes are spliced in, never parsed again.
import JSON
import Loop

extension MCPServer {
    private var offersTools: Bool {
        !tools.entries.isEmpty || subscriptions.announced.contains(.tools)
    }

    func listTools(_ request: Request) throws(MCPError) -> [UInt8] {
        let caller = request.caller
        guard offersTools else { throw .methodNotFound(request.method) }
        let visible = tools.entries.filter { caller.principal.holds($0.tool.scope) }
        let entries = visible.map { $0.listing(in: caller.revision) }
        return try page(request, "tools", entries, isPublic: !tools.isScoped)
    }

    func callTool(
        _ request: Request, _ notify: @escaping Notify
    ) async throws(MCPError) -> [UInt8] {
        guard offersTools else { throw .methodNotFound(request.method) }
        let caller = request.caller
        let name = try request.params.string("name")
        guard let entry = tools[name] else {
            throw .invalidParams("unknown tool \(quoted(name)): see tools/list")
        }
        try allow(entry.tool.scope, caller.principal)
        let sent = request.params.raw("arguments")
        let schema = entry.schema
        let read = await Blocking.run(ifLong: sent?.bytes.count ?? 0) {
            () -> Result<(Arguments, String?), MCPError> in
            do throws(MCPError) {
                let arguments = try Arguments(sent, schema)
                return .success((arguments, schema.problem(with: arguments.object)))
            } catch {
                return .failure(error)
            }
        }
        let (arguments, problem) = try read.get()
        if let problem {
            guard caller.revision.hasInputErrorsAsResults else { throw .invalidParams(problem) }
            return await write(.failure("\(name): \(problem)."), for: request)
        }
        let progress = request.progressToken.map { ProgressReporter($0, limits, notify) }
        let settled: Settled<ToolResult>
        do throws(MCPError) {
            settled = try await run(request, progress, notify) { (context) throws(Interruption) in
                try await entry.tool.handler(
                    ToolCall(
                        name: name, arguments: arguments.object, rawArguments: arguments.raw,
                        context: context))
            }
        } catch {
            guard error.isForModels(in: caller.revision) else { throw error }
            settled = .done(.failure(error.description))
        }
        switch settled {
        case .needsInput(let question): return question
        case .done(let result):
            if let task = result.task { return try created(task, for: request) }
            return await write(result, ignoring: arguments.ignored, for: request)
        }
    }

    private func run(
        _ request: Request, _ progress: ProgressReporter?, _ notify: @escaping Notify,
        _ handler: @IO (CallContext) async throws(Interruption) -> ToolResult
    ) async throws(MCPError) -> Settled<ToolResult> {
        try await counted(request.caller.principal) { () throws(MCPError) in
            guard let progress else { return try await settle(request, nil, notify, handler) }
            pulse.add(progress)
            defer {
                progress.finish()
                pulse.remove(progress)
            }
            return try await settle(request, progress, notify, handler)
        }
    }

    /// The reply; a long one is written beside the loop.
    func write(
        _ result: ToolResult, ignoring names: [String] = [], for request: Request
    ) async -> [UInt8] {
        let (id, revision, member) = (request.id, request.caller.revision, identity.member)
        let bytes = result.estimatedBytes
        return await Blocking.run(ifLong: bytes) {
            var result = result
            result.add(ignored: names)
            return Envelope.result(id, reserve: bytes) {
                result.write(into: &$0, in: revision, server: member)
            }
        }
    }
}

extension MCPError {
    /// Whether a tool's failure with this error is a result, which the client's model reads.
    ///
    /// In legacy revisions there is no error for a client that cannot be asked.
    fileprivate func isForModels(in revision: Revision) -> Bool {
        switch self {
        case .busy, .throttled, .unavailable: true
        case .missingCapability: !revision.isModern
        case .unparsable, .invalidRequest, .methodNotFound, .invalidParams, .resourceNotFound,
            .headerMismatch, .unsupportedVersion, .insufficientScope, .ended, .revoked,
            .internalError:
            false
        }
    }
}
