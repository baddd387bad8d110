// The `command.*` calls: from arguments to commands, and from results to Wire's types. Those that
// name a command go to the source that has it: one-shot commands, or another (sessions).
import JSON
import Loop
import Wire

extension Commands {
    /// Serves the `command.*` calls; `others`: further commands that are found by id.
    func serve(on dispatcher: Dispatcher, also others: [any CommandSource] = []) {
        dispatcher.ownerOfCommand = { [unowned self] id in
            source(id, others).owner(of: id)
        }
        dispatcher.serve(.execute) {
            [unowned self] (call: ExecuteCommand, visit) throws(Fault) in
            visit.progress = { CallProgress(bytes: 0) }
            return try await execute(call, caller: visit.caller) { run in
                visit.progress = { run.progress }
            }.json
        }
        dispatcher.serve(.readCommand) {
            [unowned self] (call: ReadCommand, visit) throws(Fault) in
            let source = source(call.commandID, others)
            visit.progress = { source.progress(of: call.commandID) }
            return try await source.output(call).json
        }
        dispatcher.serve(.listCommands) { [unowned self] (call: ListCommands, visit) in
            let sources = [self] + others
            let all = sources.flatMap { $0.list(for: visit.caller, target: call.target) }
            let asked = all.filter { call.keeps($0.info) }
            let newest = asked.sorted { $0.started > $1.started }.prefix(call.limit)
            let listed = newest.map { started, info in
                var info = info
                info.startedSecondsAgo = Int((IO.now - started) / .seconds(1))
                return info
            }
            return ListCommands.json(listed, more: asked.count - newest.count)
        }
        dispatcher.serve(.cancelCommand) {
            [unowned self] (call: CancelCommand, _) throws(Fault) in
            let most = min(CancelCommand.maxBytes, outputLimit)
            return try await source(call.commandID, others).cancel(call, maxBytes: most).json
        }
    }

    /// What has the command with this id; if nothing does, the one-shot commands say so.
    private func source(_ id: String, _ others: [any CommandSource]) -> any CommandSource {
        others.first { $0.owner(of: id) != nil } ?? self
    }
}

extension ListCommands {
    /// Whether a command is listed.
    fileprivate func keeps(_ info: CommandInfo) -> Bool {
        guard let state, state != info.state else { return true }
        return state == .running && !info.state.isOver(isDetached: info.isDetached)
    }
}
