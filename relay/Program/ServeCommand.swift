// `homeline-relay serve`: runs the relay until a signal ends it.
import Configuration
import Glibc
import JSON
import Loop

@IO final class ServeCommand {
    /// Why a relay ends.
    private enum Ending: Equatable {
        case signal
        /// Another process has taken over.
        case successor
        /// Another process has failed to take over, and this one cannot go on, for this reason.
        case loss(String)
    }

    private let options: Options
    private let inheritance: Inheritance?
    /// Set from the relay's start to its end.
    private var relay: RelayService?
    /// Set while another process is to take over.
    private var upgrade: Upgrade?
    private var isToldToEnd = false
    private let ended = Once<Ending>()

    static func run(_ options: Options) async -> Outcome {
        await ServeCommand(options, Inheritance.take()).run()
    }

    private init(_ options: Options, _ inheritance: Inheritance?) {
        (self.options, self.inheritance) = (options, inheritance)
    }

    private func run() async -> Outcome {
        // Before the start and during the end they do nothing, in place of ending the process: a
        // certificate's hook sends them to whoever bears the program's name.
        let watches = [
            SignalWatch(SIGHUP) { if self.ended.value == nil { self.relay?.reload() } },
            SignalWatch(SIGUSR2) { IO.task { _ = try? await self.exchange() } },
        ]
        defer { for watch in watches { watch.cancel() } }
        do throws(StartFailure) {
            let relay =
                if let inheritance {
                    try await Self.takeOver(options, inheritance)
                } else {
                    try await Self.start(options)
                }
            self.relay = relay
            relay.onUpgrade = { [weak self] () throws(AdminFault) in
                guard let self else { throw Self.busy }
                return try await self.exchange()
            }
            let endings = [SIGINT, SIGTERM].map { SignalWatch($0) { self.end() } }
            Process.print(
                """
                MCP clients: \(relay.mcpURL)
                Agents:      \(relay.tunnelURLs.joined(separator: ", "))
                Next: homeline-relay invite (joins an agent), homeline-relay tokens create NAME

                """)
            Supervisor.ready()
            inheritance?.line.say("serving")
            let ending = await ended.wait()
            if ending != .successor { Supervisor.stopping() }
            if ending == .signal {
                Process.log(
                    "stopping: calls in flight may take some seconds; a second signal ends them")
            }
            await relay.shutDown(hasSuccessor: ending == .successor)
            for watch in endings { watch.cancel() }
            guard case .loss(let reason) = ending else { return Outcome() }
            return Outcome(
                errors: "homeline-relay: the relay cannot go on: \(reason)",
                exit: ExitCode.unavailable)
        } catch {
            inheritance?.line.say(Upgrade.failed + error.message)
            return Outcome(errors: "homeline-relay: \(error.message)", exit: error.exit)
        }
    }

    /// A signal: the relay ends, or gives up the calls that its end waits for.
    private func end() {
        if ended.value != nil {
            IO.task { await self.relay?.hasten() }
        } else if let upgrade {
            isToldToEnd = true
            upgrade.giveUp()
        } else {
            ended.set(.signal)
        }
    }

    private nonisolated static let busy = AdminFault(
        message: "the relay is being upgraded, or is ending", exit: ExitCode.unavailable)

    /// Has the program as it is on disk now take over; returns its process id.
    private func exchange() async throws(AdminFault) -> Int32 {
        guard let relay, upgrade == nil, ended.value == nil else { throw Self.busy }
        let upgrade = Upgrade(
            relay, on: Self.folder(options), .current(isSuccessor: inheritance != nil))
        self.upgrade = upgrade
        defer { self.upgrade = nil }
        do throws(AdminFault) {
            let pid = try await upgrade.run()
            Process.log("process \(pid) has taken over: this one ends when its calls have")
            Supervisor.isSucceeded(by: pid)
            ended.set(.successor)
            return pid
        } catch {
            Process.log(error.message)
            if let loss = upgrade.loss {
                ended.set(.loss(loss))
            } else if isToldToEnd {
                ended.set(.signal)
            }
            throw error
        }
    }

    /// The folder of a relay that listens so.
    static func folder(_ options: Options, _ doors: Doors = .ports) -> DataFolder {
        DataFolder(
            options.string(.data), named: doors == .ports ? "relay" : "local",
            environment: Process.environment)
    }

    /// How long the process before this one may take to free the folder.
    private static let handingOver = Duration.seconds(20)

    /// Starts the relay in place of the process that has started this one.
    private static func takeOver(
        _ options: Options, _ inheritance: Inheritance
    ) async throws(StartFailure) -> RelayService {
        let folder = folder(options)
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
        if let relay = try await startUnlessHeld(options, .ports, inheritance) { return relay }
        throw StartFailure("a relay still runs on \(folder.path)", ExitCode.unavailable)
    }

    /// Starts the relay; one that a stdio client runs on the folder makes way for it.
    static func start(_ options: Options) async throws(StartFailure) -> RelayService {
        if let relay = try await startUnlessHeld(options) { return relay }
        let folder = folder(options)
        let end = IO.now + makingWay
        if await yield(of: folder) == .agreed {
            repeat {
                if let relay = try await startUnlessHeld(options) { return relay }
                try? await IO.sleep(for: .milliseconds(50))
            } while IO.now < end
        }
        throw StartFailure("a relay already runs on \(folder.path)", ExitCode.unavailable)
    }

    /// How long a relay that makes way may take, of which its end takes 4 s.
    private static let makingWay: Duration = .seconds(8)

    /// What the relay of a folder says when it is asked to make way.
    enum Yield {
        /// A stdio client started it, and it ends.
        case agreed
        /// It runs as a service.
        case refused
        /// Nobody answers.
        case unheard
    }

    /// Asks the relay of a folder to make way for one that runs as a service.
    static func yield(of folder: DataFolder) async -> Yield {
        do throws(AdminFault) {
            guard let line = try await AdminClient.connect(folder) else { return .unheard }
            _ = try await AdminClient.ask(line, ["command": "yield"])
            return .agreed
        } catch {
            return .refused
        }
    }

    /// Locks the folder and starts the relay on it; nil if another process holds it.
    static func startUnlessHeld(
        _ options: Options, _ doors: Doors = .ports, _ inheritance: Inheritance? = nil
    ) async throws(StartFailure) -> RelayService? {
        let folder = folder(options, doors)
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
        return try await RelayService.start(settings, doors, folder, lock, inheritance)
    }
}
