// file_transfer: one agent copies by itself; between two, the relay joins the stream of the
// source's agent with that of the destination's. Invariant: both ends are judged by their own
// agents, and of the files at most what waits in one direction of a joint is held here. With the
// drop-box as one end, the relay is that end itself.
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
            if id.hasPrefix(DropTransfer.prefix) {
                return try await wait(for: try drops.find(id, of: principal), wanted.wait, call)
            }
            guard
                case .one(let member) = try router.destination(
                    [.command(TransferFiles.commandIDName)], fields, principal)
            else { throw .noCommand(id) }
            return try await wait(for: id, wanted.wait, at: member, call)
        }
        let none = Fields(object: [:])
        if wanted.isToRelay {
            let source = try router.member(forTarget: wanted.target, none, principal)
            let transfer = try await drops.receive(wanted, from: source, for: principal)
            return try await wait(for: transfer, wanted.wait, call)
        }
        if wanted.isFromRelay { return try await sendDrop(wanted, call) }
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

    /// Copies a file of the drop-box to a target.
    private func sendDrop(
        _ wanted: TransferFiles, _ call: ToolCall
    ) async throws(Fault) -> ToolResult {
        let principal = try router.principal(of: call)
        let none = Fields(object: [:])
        let destination = try router.member(forTarget: wanted.toTarget, none, principal)
        let record = try await drops.source(wanted, for: principal)
        let start = AgentCall(
            .startTransfer, StartTransfer.arguments(wanted, isHere: false), for: principal,
            key: try call.key(), progress: ProgressWatch(call))
        let (answer, stream) = try await router.stream(start, to: destination)
        drops.send(record, over: stream, isVerified: wanted.options.isVerified)
        let id = try TransferInfo.commandID(of: answer.result)
        return try await wait(for: id, wanted.wait, at: destination, call)
    }

    /// The time between two lines of progress.
    private static let interval = Duration.seconds(1)

    private func wait(
        for transfer: DropTransfer, _ time: Duration, _ call: ToolCall
    ) async throws(Fault) -> ToolResult {
        let end = IO.now + time
        while transfer.ended == nil, IO.now < end, !Task.isCancelled {
            await transfer.wait(until: min(end, IO.now + Self.interval))
            guard transfer.ended == nil, let progress = call.progress else { continue }
            progress.report(
                Double(transfer.bytes), total: transfer.total.map(Double.init),
                message: transfer.info.summary)
        }
        if let fault = transfer.obstacle { throw fault }
        return ToolResult(structured: transfer.info.json(url: transfer.link))
    }

    /// A transfer into the drop-box as the output of a command, after a wait for its end; nil: the
    /// id is not that of one.
    func dropAsCommand(
        _ id: String, _ call: ToolCall, wait: Duration, cancelling: Bool = false
    ) async throws(Fault) -> RunResult? {
        guard id.hasPrefix(DropTransfer.prefix) else { return nil }
        let transfer = try drops.find(id, of: try router.principal(of: call))
        if cancelling { transfer.cancel() }
        await transfer.wait(until: IO.now + wait)
        return transfer.info.asCommand
    }

    /// How long a transfer that is cancelled may take to end.
    private static let ending = Duration.seconds(10)

    /// Ends a command.
    func cancelCommand(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let id = call.arguments[Shared.commandIDName]?.stringValue ?? ""
        let transfer = try await dropAsCommand(id, call, wait: Self.ending, cancelling: true)
        if let transfer { return ToolResult(structured: transfer.json) }
        return try await pass(call, .cancelCommand)
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
