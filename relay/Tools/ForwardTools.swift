// forward_open and forward_close, where the relay itself listens: the rest is passed to the agent.
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// Opens a forward at its agent, and what listens for it here.
    func openForward(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        guard try fields[OpenForward.side] == .relay else {
            return try await pass(call, .openForward, routes: OpenForward.routes)
        }
        let principal = try router.principal(of: call)
        guard case .one(let member) = try router.destination(OpenForward.routes, fields, principal)
        else { throw Fault(.internal, "forward_open has no single agent") }
        let answer = try await forwards.open(
            AgentCall(.openForward, call.arguments, for: principal, key: try call.key()), at: member
        )
        return ToolResult(structured: .raw(answer.result), holding: answer)
    }

    /// Stops what listens here for a forward, and closes the forward at its agent.
    func closeForward(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let id = call.arguments[ForwardInfo.forwardID.name]?.stringValue
        if let id { forwards.stopListening(id, for: try router.principal(of: call)) }
        let result = try await pass(call, .closeForward, routes: CloseForward.routes)
        if let id { forwards.closed(id) }
        return result
    }
}
