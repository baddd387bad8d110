// `homeline-relay serve`: runs the relay until a signal ends it.
import Configuration
import Glibc
import JSON
import Loop

@IO enum ServeCommand {
    static func run(_ options: Options) async -> Outcome {
        let inheritance = Inheritance.take()
        do throws(StartFailure) {
            let relay =
                if let inheritance {
                    try await takeOver(options, inheritance)
                } else {
                    try await start(options)
                }
            Process.print(
                """
                MCP clients: \(relay.mcpURL)
                Agents:      \(relay.tunnelURLs.joined(separator: ", "))
                Next: homeline-relay invite (joins an agent), homeline-relay tokens create NAME

                """)
            Supervisor.ready()
            inheritance?.line.say("serving")
            let ending = await untilItEnds(relay)
            if ending == .signal {
                Supervisor.stopping()
                Process.log(
                    "stopping: calls in flight may take some seconds; a second signal ends them")
            }
            let hasten = endings.map {
                SignalWatch($0) { IO.task { await relay.hasten() } }
            }
            await relay.shutDown(hasSuccessor: ending == .successor)
            for watch in hasten { watch.cancel() }
            return Outcome()
        } catch {
            inheritance?.line.say(Upgrade.failed + error.message)
            return Outcome(errors: "homeline-relay: \(error.message)", exit: error.exit)
        }
    }

    /// How long the process before this one may take to free the folder.
    private static let handingOver = Duration.seconds(20)

    /// Starts the relay in place of the process that has started this one.
    private static func takeOver(
        _ options: Options, _ inheritance: Inheritance
    ) async throws(StartFailure) -> RelayService {
        let folder = DataFolder(options.string(.data), environment: Process.environment)
        do {
            // What is wrong with the settings shows here, while the other process still serves.
            _ = try Entrances(try Settings.reading(options, folder))
        } catch let error as ConfigurationError {
            throw StartFailure(error, error.exitCode)
        } catch {
            throw StartFailure(error)
        }
        inheritance.line.say("ready")
        // Without that process there is nothing to wait for.
        _ = await inheritance.line.line(within: handingOver)
        if let relay = try await startUnlessHeld(options, inheritance) { return relay }
        throw StartFailure("a relay still runs on \(folder.path)", ExitCode.unavailable)
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
        _ options: Options, _ inheritance: Inheritance? = nil
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
        return try await RelayService.start(settings, folder, lock, inheritance)
    }

    /// The signals that end the relay.
    private static let endings = [SIGINT, SIGTERM]

    /// Why a relay ends.
    private enum Ending {
        case signal
        /// Another process has taken over.
        case successor
    }

    /// Serves until a signal ends the relay, or another process has taken over.
    private static func untilItEnds(_ relay: RelayService) async -> Ending {
        let ended = Once<Ending>()
        var isUpgrading = false
        relay.onUpgrade = { [weak relay] () throws(AdminFault) in
            guard let relay, !isUpgrading, ended.value == nil else {
                throw AdminFault(
                    message: "the relay is being upgraded, or is ending", exit: ExitCode.unavailable
                )
            }
            isUpgrading = true
            defer { isUpgrading = false }
            do throws(AdminFault) {
                let pid = try await Upgrade.run(relay)
                Process.log("process \(pid) has taken over: this one ends when its calls have")
                Supervisor.isSucceeded(by: pid)
                ended.set(.successor)
                return pid
            } catch {
                Process.log(error.message)
                throw error
            }
        }
        let watches =
            endings.map { SignalWatch($0) { ended.set(.signal) } } + [
                SignalWatch(SIGHUP) { relay.reload() },
                SignalWatch(SIGUSR2) { IO.task { _ = try? await relay.onUpgrade?() } },
            ]
        let ending = await ended.wait()
        for watch in watches { watch.cancel() }
        return ending
    }
}
