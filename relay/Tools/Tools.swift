// The tools, made from the rows of the contract. Flow: MCP → a tool's handler → Router.send → an agent.
// Invariant: a tool is its row; only where results join does it have a file here.
import JSON
import Loop
import MCP
import Wire

/// What MCP clients can call.
@IO struct Tools {
    let router: Router

    /// What answers a tool's call, where it is not simply the agent's answer.
    private typealias Answer = @IO @Sendable (ToolCall) async throws(Fault) -> JSON

    /// Every tool, in the order of the contract.
    var all: [Tool] {
        let joining: [Wire.Method: Answer] = [
            .describe: { call throws(Fault) in try await describe(call) },
            .execute: { call throws(Fault) in try await execute(call) },
        ]
        let list = tool(ListAgents.tool) { call throws(Fault) in try listAgents(call) }
        return [list]
            + Wire.Method.allCases.compactMap { method in
                guard let row = method.row.tool else { return nil }
                if let answer = joining[method] { return tool(row, answer) }
                return tool(row) { call throws(Fault) in
                    try await pass(call, method, row)
                }
            }
    }

    private func tool(_ row: ToolRow, _ answer: @escaping Answer) -> Tool {
        Tool(
            name: row.name, title: row.title, description: row.description,
            inputSchema: row.inputSchema, outputSchema: row.outputSchema,
            annotations: ToolAnnotations(
                readOnly: row.hints.readOnly, destructive: row.hints.destructive,
                idempotent: row.hints.idempotent, openWorld: row.hints.openWorld),
            scope: Scope.text(row.scopes), meta: row.isLarge ? Self.largeResult : [:]
        ) { call in
            do throws(Fault) {
                return ToolResult(structured: try await answer(call))
            } catch {
                return .failure(error.message)
            }
        }
    }

    /// Clients cut long results unless the tool says how long one may be: four bytes of JSON for each
    /// of the 100,000 that a result has at most by default limits.
    private static let largeResult: JSON.Object = ["anthropic/maxResultSizeChars": 400_000]

    /// Passes a call to the agent that its arguments name, or to each, and gives what they answer.
    private func pass(
        _ call: ToolCall, _ method: Wire.Method, _ row: ToolRow
    ) async throws(Fault) -> JSON {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        let way = AgentCall(
            method, call.rawArguments, fields, for: principal, progress: ProgressWatch(call))
        switch try router.destination(row.routes, fields, principal) {
        case .one(let member): return .raw(try await router.send(way, to: member))
        case .each(let members, let list):
            return try Self.join(await router.send(way, to: members), list)
        }
    }

    /// Joins the lists that several agents answered, and names those that did not answer.
    ///
    /// Arguments that one agent finds wrong are wrong for all.
    private static func join(
        _ answers: [(name: String, answer: Result<RawJSON, Fault>)], _ list: String
    ) throws(Fault) -> JSON {
        var entries: [JSON] = []
        var unanswered: [String] = []
        for (name, answer) in answers {
            switch answer {
            case .success(let raw): entries += (try? raw.parsed())?[list]?.arrayValue ?? []
            case .failure(let fault) where fault.code == .invalidArgument: throw fault
            case .failure(let fault): unanswered.append("\(name): \(fault)")
            }
        }
        var joined: JSON.Object = [list: .array(entries)]
        if !unanswered.isEmpty {
            joined[Shared.unanswered.name] = .array(unanswered.map { .string($0) })
        }
        return .object(joined)
    }
}
