// homeline-agent: reads the command line and hands over to one command.
import Configuration
import Loop

@main
enum Main {
    static func main() {
        #if STATIC_PROGRAM
            NameSources.useOwnAlone()
        #endif
        let arguments = Array(CommandLine.arguments.dropFirst())
        do throws(ConfigurationError) {
            switch try Settings.program.parse(arguments, environment: Process.environment) {
            case .print(let text): Process.print(text)
            case .run(let command, let options):
                IO.main {
                    do throws(CommandFailure) {
                        return try await run(command, options)
                    } catch {
                        Process.complain(error.message)
                        return error.exitCode
                    }
                }
            }
        } catch {
            Process.complain("homeline-agent: \(error)")
            Process.end(error.exitCode)
        }
    }

    /// Runs a command; returns the exit code.
    @IO private static func run(
        _ command: String, _ options: Options
    ) async throws(CommandFailure) -> Int32 {
        switch command {
        case "doctor": return try await DoctorCommand.run(options)
        case "join": try await JoinCommand.run(options)
        case "install": return try await InstallCommand.run(options)
        case "uninstall": return try await InstallCommand.uninstall(options)
        case "run": try await RunAgentCommand.run(options)
        case "targets list": try await TargetsCommand.list(options)
        case "targets check": try await TargetsCommand.check(options)
        case "targets trust": try await TargetsCommand.trust(options)
        case "targets forget": try await TargetsCommand.forget(options)
        case "policy test": try await PolicyCommand.test(options)
        default: throw CommandFailure("homeline-agent: no command \(command)", ExitCode.software)
        }
        return ExitCode.ok
    }
}

/// Why a command of the program failed: the sentence for people and the exit code for scripts.
struct CommandFailure: Error {
    let message: String
    let exitCode: Int32

    init(_ message: String, _ exitCode: Int32) {
        self.message = message
        self.exitCode = exitCode
    }
}
