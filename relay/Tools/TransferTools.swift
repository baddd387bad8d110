// file_transfer: one agent copies by itself; between two, the relay joins the stream of the
// source's agent with that of the destination's. Invariant: both ends are judged by their own
// agents, and of the files at most what waits in one direction of a joint is held here.
import JSON
import Loop
import MCP
import Net
import Tunnel
import Wire

extension Tools {
    /// Copies files, or waits for a transfer that was begun before.
    func transferFiles(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let fields = Fields(object: call.arguments)
        let principal = try router.principal(of: call)
        let wanted = try TransferFiles(fields)
        if let id = wanted.commandID {
            guard
                case .one(let member) = try router.destination(
                    [.command(TransferFiles.commandIDName)], fields, principal)
            else { throw .noCommand(id) }
            return try await wait(for: id, wanted.wait, at: member, call)
        }
        let none = Fields(object: [:])
        let source = try router.member(forTarget: wanted.target, none, principal)
        let destination = try router.member(forTarget: wanted.toTarget, none, principal)
        let isHere = source.record.id == destination.record.id
        let start = AgentCall(
            .startTransfer, StartTransfer.arguments(wanted, isHere: isHere), for: principal,
            key: try call.key(), progress: ProgressWatch(call))
        guard !isHere else {
            let answer = try await router.send(start, to: destination)
            return ToolResult(structured: .raw(answer.result), holding: answer)
        }
        let send = AgentCall(.sendFiles, SendFiles.arguments(wanted), for: principal)
        try router.checkOnline(destination)
        let outgoing = try await router.stream(send, to: source).stream
        do throws(Fault) {
            let (answer, incoming) = try await router.stream(start, to: destination)
            // It lives until both streams have ended.
            let joint = Joint.join(outgoing, incoming)
            IO.task { _ = await joint.ended() }
            let id = try TransferInfo.commandID(of: answer.result)
            return try await wait(for: id, wanted.wait, at: destination, call)
        } catch {
            outgoing.close(nil)
            throw error
        }
    }

    private func wait(
        for id: String, _ time: Duration, at member: Fleet.Member, _ call: ToolCall
    ) async throws(Fault) -> ToolResult {
        let way = AgentCall(
            .awaitTransfer, AwaitTransfer.arguments(id, time),
            for: try router.principal(of: call),
            progress: ProgressWatch(call))
        let answer = try await router.send(way, to: member)
        return ToolResult(structured: .raw(answer.result), holding: answer)
    }
}
