// homeline-bench: the rows of the table that are not written in Python (see peers/table.py).
// `rows` lists them; `ROW` speaks the line protocol of peers/peer.py on its standard streams.
import Glibc
import Loop

@main
enum Main {
    /// Each row's name and the function that prepares its operation.
    static let rows: [(String, @Sendable () throws -> Operation)] =
        [
            ("session", BareRows.session), ("marks-session", BareRows.marks),
            ("exec", BareRows.exec), ("cold", BareRows.cold),
            ("mcp-session", EndpointRows.session), ("mcp-exec", EndpointRows.exec),
            ("mcp-jump", EndpointRows.jump), ("mcp-channels", EndpointRows.channels),
            ("mcp-cold", EndpointRows.cold), ("mcp-many", EndpointRows.many),
            ("mcp-list", EndpointRows.list), ("mcp-agents", EndpointRows.agents),
        ]
        + EndpointRows.shells.map { shell in
            ("mcp-shell-\(shell)", { try EndpointRows.session(shell: shell) })
        }
        + EndpointRows.floods.map { name, command in
            ("mcp-flood-\(name)", { try EndpointRows.session(beside: command) })
        }

    static func main() {
        let word = CommandLine.arguments.dropFirst().first ?? "rows"
        do {
            switch word {
            case "rows":
                for (name, _) in rows { print(name) }
                for name in LinkRows.names + FileRows.names + TunnelRows.names { print(name) }
            case HostileAgent.word:
                let arguments = Array(CommandLine.arguments.dropFirst(2))
                IO.main { await HostileAgent.run(arguments) }
            case SimulatedFleet.word:
                let arguments = Array(CommandLine.arguments.dropFirst(2))
                IO.main { await SimulatedFleet.run(arguments) }
            case StreamRows.word:
                let arguments = Array(CommandLine.arguments.dropFirst(2))
                IO.main { await StreamRows.run(arguments) }
            case TunnelRows.responder: IO.main { await TunnelRows.respond() }
            case _ where TunnelRows.names.contains(word):
                IO.main { await TunnelRows.measure(word) }
            case _ where FileRows.names.contains(word): IO.main { await FileRows.measure(word) }
            case _ where LinkRows.names.contains(word): IO.main { await LinkRows.measure(word) }
            default:
                guard let row = rows.first(where: { $0.0 == word }) else {
                    throw BenchError("no row “\(word)”; see: homeline-bench rows")
                }
                try LineProtocol.serve(try row.1())
            }
        } catch {
            LineProtocol.complain(error)
            exit(70)
        }
    }
}

/// Why a row cannot be measured.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
