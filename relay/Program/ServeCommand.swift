// `homeline-relay serve`: runs the relay until a signal ends it.
import Configuration
import Glibc
import JSON
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
            let reload = SignalWatch(SIGHUP) { relay.reload() }
            await untilSignalled()
            reload.cancel()
            Process.log(
                "stopping: calls in flight may take some seconds; a second signal ends them")
            let hasten = endings.map {
                SignalWatch($0) { IO.task { await relay.hasten() } }
            }
            await relay.shutDown()
            for watch in hasten { watch.cancel() }
            return Outcome()
        } catch {
            return Outcome(errors: "homeline-relay: \(error.message)", exit: error.exit)
        }
    }

    /// Starts the relay; one that a stdio client runs on the folder makes way for it.
    static func start(_ options: Options) async throws(StartFailure) -> RelayService {
        if let relay = try await startUnlessHeld(options) { return relay }
        let folder = DataFolder(options.string(.data), environment: Process.environment)
        let end = IO.now + makingWay
        if await makesWay(folder) {
            repeat {
                if let relay = try await startUnlessHeld(options) { return relay }
                try? await IO.sleep(for: .milliseconds(50))
            } while IO.now < end
        }
        throw StartFailure("a relay already runs on \(folder.path)", ExitCode.unavailable)
    }

    /// How long a relay that makes way may take, of which its end takes 4 s.
    private static let makingWay: Duration = .seconds(8)

    private static func makesWay(_ folder: DataFolder) async -> Bool {
        do throws(AdminFault) {
            guard let line = try await AdminClient.connect(folder) else { return false }
            _ = try await AdminClient.ask(line, ["command": "yield"])
            return true
        } catch {
            return false
        }
    }

    /// Locks the folder and starts the relay on it; nil if another process holds it.
    static func startUnlessHeld(
        _ options: Options
    ) async throws(StartFailure) -> RelayService? {
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
        guard let lock = taken else { return nil }
        return try await RelayService.start(settings, folder, lock)
    }

    /// The signals that end the relay.
    private static let endings = [SIGINT, SIGTERM]

    /// Waits for one of them.
    private static func untilSignalled() async {
        let signalled = Once<Void>()
        let watches = endings.map { SignalWatch($0) { signalled.set(()) } }
        await signalled.wait()
        for watch in watches { watch.cancel() }
    }
}
