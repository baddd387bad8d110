// The `file.*` calls: from arguments to files, and from results to Wire's types.
import JSON
import Loop
import Wire

extension Files {
    /// Serves the `file.*` calls.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.serve(.listFiles) { [unowned self] (call: ListFiles, visit) throws(Fault) in
            try await list(call, for: visit.caller).json
        }
        dispatcher.serve(.readFile) { [unowned self] (call: ReadFile, visit) throws(Fault) in
            try await read(call, for: visit.caller).json
        }
        dispatcher.serve(.streamFile) { [unowned self] (call: StreamFile, visit) throws(Fault) in
            try await stream(call, for: visit.caller).json
        }
        dispatcher.serve(.writeFile) { [unowned self] (call: WriteFile, visit) throws(Fault) in
            try await write(call, for: visit.caller).json
        }
        dispatcher.serve(.editFile) { [unowned self] (call: EditFile, visit) throws(Fault) in
            try await edit(call, for: visit.caller).json
        }
        dispatcher.serve(.manageFiles) { [unowned self] (call: ManageFiles, visit) throws(Fault) in
            try await manage(call, visit).json
        }
        dispatcher.serve(.findFiles) { [unowned self] (call: FindFiles, visit) throws(Fault) in
            try await find(call, visit).json
        }
    }
}
