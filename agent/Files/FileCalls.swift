// The `file.*` calls: arguments to the files they name, results back as Wire has them.
import JSON
import Loop
import Wire

extension Files {
    /// Serves the `file.*` calls.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.serve(.listFiles) { [unowned self] (_, fields) throws(Fault) in
            try await list(try ListFiles(fields)).json
        }
        dispatcher.serve(.readFile) { [unowned self] (_, fields) throws(Fault) in
            try await read(try ReadFile(fields)).json
        }
        dispatcher.serve(.writeFile) { [unowned self] (_, fields) throws(Fault) in
            try await write(try WriteFile(fields)).json
        }
    }
}
