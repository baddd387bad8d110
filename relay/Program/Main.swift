// homeline-relay: reads the command line and hands over to one command.
import Configuration
import Loop

@main
enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do throws(ConfigurationError) {
            switch try Settings.program.parse(arguments, environment: Process.environment) {
            case .print(let text): Process.print(text)
            case .run(let command, let options):
                IO.main {
                    let outcome = await run(command, options)
                    Process.print(outcome.output)
                    if !outcome.errors.isEmpty { Process.complain(outcome.errors.trimmed) }
                    return outcome.exit
                }
            }
        } catch {
            Process.complain("homeline-relay: \(error)")
            Process.end(error.exitCode)
        }
    }

    @IO private static func run(_ command: String, _ options: Options) async -> Outcome {
        switch command {
        case "serve": return await ServeCommand.run(options)
        case "stdio": return await StdioCommand.run(options)
        case "local": return await StdioCommand.run(options, .folder)
        case "doctor": return await DoctorCommand.run(options)
        case "forward": return await ForwardCommand.run(options)
        case "call": return await CallCommand.run(options)
        case let name where ApprovalsCommand.all.contains { $0.name == name }:
            return await ApprovalsCommand.run(name, options)
        default:
            let environment = Process.environment
            return await AdminProgram.run(command, options, environment: environment)
                ?? Outcome(errors: "homeline-relay: no command \(command)", exit: ExitCode.software)
        }
    }
}

extension String {
    /// The text without its final newline, as the line writer adds its own.
    fileprivate var trimmed: String { hasSuffix("\n") ? String(dropLast()) : self }
}
