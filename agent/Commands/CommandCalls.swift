// The `command.*` calls: arguments to the commands they name, results back as Wire has them.
import JSON
import Loop
import Wire

extension Commands {
    /// Serves the `command.*` calls.
    func serve(on dispatcher: Dispatcher) {
        let watch = dispatcher.watch
        dispatcher.serve(.execute) { [unowned self] (caller, fields) throws(Fault) in
            let call = try ExecuteCommand(fields)
            var run: CommandRun?
            return try await watch.during(caller, { run?.progress ?? CallProgress(bytes: 0) }) {
                () throws(Fault) in
                try await execute(call, caller: caller, started: { run = $0 }).json
            }
        }
        dispatcher.serve(.readCommand) { [unowned self] (caller, fields) throws(Fault) in
            let call = try ReadCommand(fields)
            let run = try find(call.commandID, caller)
            return try await watch.during(caller, { run.progress }) { () throws(Fault) in
                try await output(call, caller: caller).json
            }
        }
        dispatcher.serve(.listCommands) { [unowned self] (caller, fields) throws(Fault) in
            list(caller: caller, target: try fields.optionalString("target"))
        }
        dispatcher.serve(.cancelCommand) { [unowned self] (caller, fields) throws(Fault) in
            try await cancel(try CancelCommand(fields), caller: caller).json
        }
    }
}
