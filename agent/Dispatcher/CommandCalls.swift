// The `command.*` calls: arguments to the commands they name, results back as Wire has them.
import JSON
import Loop
import Wire

extension AgentService {
    func serveCommands() {
        dispatcher.serve(.execute) { [unowned self] (caller, fields) throws(Fault) in
            try await commands.execute(try ExecuteCommand(fields), caller: caller).json
        }
        dispatcher.serve(.readCommand) { [unowned self] (caller, fields) throws(Fault) in
            try await commands.output(try ReadCommand(fields), caller: caller).json
        }
        dispatcher.serve(.listCommands) { [unowned self] (caller, fields) throws(Fault) in
            commands.list(caller: caller, target: try fields.optionalString("target"))
        }
        dispatcher.serve(.cancelCommand) { [unowned self] (caller, fields) throws(Fault) in
            try await commands.cancel(try CancelCommand(fields), caller: caller).json
        }
    }
}
