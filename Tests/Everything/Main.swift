// mcp-everything: the fixture server, for tests and public conformance runners. It listens on
// loopback without authentication, or speaks on standard input and output; it is never shipped.
import Loop

@main
enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case nil: IO.main { await StdioService.run() }
        case "--http" where arguments.count == 2:
            IO.main { await HTTPService.run(at: arguments[1]) }
        default:
            Process.complain("usage: mcp-everything [--http HOST:PORT]")
            Process.end(64)
        }
    }
}
