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
        let call = ToolCall(
            name: name, arguments: arguments.object, principal: caller.principal,
            client: caller.client,
            capabilities: caller.capabilities, revision: caller.revision, trace: request.trace,
            meta: request.meta, progress: progress, rawArguments: arguments.raw,
            log: CallLog(request, logging, notify), disconnect: request.disconnect)
        let outcome: ToolResult
        do throws(MCPError) {
            outcome = try await run(entry.tool.handler, call)
        } catch {
            outcome = .failure(error.description)
        }
        return await write(outcome, ignoring: arguments.ignored, for: request)
    }

    private func run(
        _ handler: @escaping Tool.Handler, _ call: ToolCall
    ) async throws(MCPError) -> ToolResult {
        try await counted(call.principal) { () throws(MCPError) in
            guard let progress = call.progress else { return await handler(call) }
            pulse.add(progress)
            defer {
                progress.finish()
                pulse.remove(progress)
            }
            return await handler(call)
        }
    }

    /// The reply; a long one is written beside the loop.
    func write(
        _ result: ToolResult, ignoring names: [String] = [], for request: Request
    ) async -> [UInt8] {
        let (id, revision, member) = (request.id, request.caller.revision, serverMember)
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
