// The `file.*` calls: from arguments to files, and from results to Wire's types.
import JSON
import Loop
import Wire

extension Files {
    /// Serves the `file.*` calls.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.serve(.listFiles) { [unowned self] (call: ListFiles, _) throws(Fault) in
            try await list(call).json
        }
        dispatcher.serve(.readFile) { [unowned self] (call: ReadFile, _) throws(Fault) in
            try await read(call).json
        }
        dispatcher.serve(.writeFile) { [unowned self] (call: WriteFile, _) throws(Fault) in
            try await write(call).json
        }
    }
}
