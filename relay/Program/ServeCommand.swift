// `homeline-relay serve`: runs the relay until a signal ends it.
import Configuration
import Glibc
import Loop

@IO enum ServeCommand {
    static func run(_ options: Options) async -> Outcome {
        do throws(StartFailure) {
            let relay = try await start(options)
            Process.print(
                """
                MCP clients: \(relay.mcpURL)
                Agents:      \(relay.tunnelURL)
                Next: homeline-relay invite (joins an agent), homeline-relay tokens create NAME

                """)
            await untilSignalled()
            Process.log("stopping")
            await relay.shutDown()
            return Outcome()
        } catch {
            return Outcome(errors: "homeline-relay: \(error.message)", exit: error.exit)
        }
    }

    /// Locks the folder and starts the relay on it.
    static func start(_ options: Options) async throws(StartFailure) -> RelayService {
        let folder = DataFolder(options.string(.data), environment: Process.environment)
        let taken: FolderLock?
        let settings: Options
        do {
            try folder.make()
            settings = try Settings.reading(options, folder)
            taken = try folder.lock()
        } catch let error as ConfigurationError {
            throw StartFailure(error, error.exitCode)
        } catch {
            throw StartFailure(error, ExitCode.cannotCreate)
        }
        guard let lock = taken else {
            throw StartFailure("a relay already runs on \(folder.path)", ExitCode.unavailable)
        }
        return try await RelayService.start(settings, folder, lock)
    }

    /// Waits for SIGINT or SIGTERM, or for the end of `work`.
    static func untilSignalled(or work: Task<Void, Never>? = nil) async {
        let signalled = Once<Void>()
        let watches = [SIGINT, SIGTERM].map { SignalWatch($0) { signalled.set(()) } }
        if let work {
            IO.task {
                await work.value
                signalled.set(())
            }
        }
        await signalled.wait()
        for watch in watches { watch.cancel() }
    }
}
