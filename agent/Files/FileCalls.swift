// The `file.*` calls: arguments to the files they name, results back as Wire has them.
import JSON
import Loop
import Wire

extension AgentService {
    func serveFiles() {
        dispatcher.serve(.listFiles) { [unowned self] (_, fields) throws(Fault) in
            try await files.list(try ListFiles(fields)).json
        }
        dispatcher.serve(.readFile) { [unowned self] (_, fields) throws(Fault) in
            try await files.read(try ReadFile(fields)).json
        }
        dispatcher.serve(.writeFile) { [unowned self] (_, fields) throws(Fault) in
            try await files.write(try WriteFile(fields)).json
        }
    }
}
