// The `command.*` calls: from arguments to commands, and from results to Wire's types.
import JSON
import Loop
import Wire

extension Commands {
    /// Serves the `command.*` calls.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.ownerOfCommand = { [unowned self] id in owner(of: id) }
        dispatcher.serve(.execute) {
            [unowned self] (call: ExecuteCommand, visit) throws(Fault) in
            visit.progress = { CallProgress(bytes: 0) }
            return try await execute(call, caller: visit.caller) { run in
                visit.progress = { run.progress }
            }.json
        }
        dispatcher.serve(.readCommand) {
            [unowned self] (call: ReadCommand, visit) throws(Fault) in
            let run = try find(call.commandID)
            visit.progress = { run.progress }
            return try await output(call).json
        }
        dispatcher.serve(.listCommands) { [unowned self] (call: ListCommands, visit) in
            ListCommands.json(list(caller: visit.caller, target: call.target))
        }
        dispatcher.serve(.cancelCommand) {
            [unowned self] (call: CancelCommand, _) throws(Fault) in
            try await cancel(call).json
        }
    }
}
