// The fixture program as public clients reach it: a URL, or the program itself.
import Support

/// The fixture, for as long as this exists.
final class Everything {
    /// The URL over HTTP, or the program's path over stdio.
    let place: String
    private let server: RunningProcess?

    /// Starts it for `http`; for `stdio` its client does.
    init(over transport: String) async throws {
        let program = Repository.program("mcp-everything")
        guard transport == "http" else {
            (place, server) = (program, nil)
            return
        }
        let process = try RunningProcess(program, ["--http", "127.0.0.1:0"])
        (place, server) = (try await process.line(containing: "http://"), process)
    }

    /// Ends it.
    func stop() { server?.signal(15) }
}
