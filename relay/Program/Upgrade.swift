// The relay's program as it is on disk now takes over from the process that runs: `homeline-relay
// upgrade`, or SIGUSR2. Flow: the new process starts beside this one and says `ready`; this one
// frees the folder; the new one serves; this one ends when its calls have. Invariant: until the new
// process serves, this one can go on, and does if the new one fails or is given up.
import Configuration
import Glibc
import Loop
import Net
import Programs

/// One attempt to hand a running relay over.
@IO final class Upgrade {
    /// How long the new process may take for each of its two steps: a busy machine starts it in
    /// less.
    private static let patience = Duration.seconds(15)
    /// How long a process that said why it fails may take to end.
    private static let farewell = Duration.seconds(1)
    /// How long another process may hold the folder that this one takes back: one that a stdio
    /// client started makes way within 4 s.
    private static let takingBack = Duration.seconds(8)
    /// Time between two tries, each of which takes some microseconds.
    private static let look = Duration.milliseconds(50)

    private let relay: RelayService
    private let folder: DataFolder
    private let supervision: Supervision
    private var successor: Successor?
    private var isGivenUp = false
    /// Why the relay cannot go on, after the new process has failed; nil: it can.
    private(set) var loss: String?

    init(_ relay: RelayService, on folder: DataFolder, _ supervision: Supervision) {
        (self.relay, self.folder, self.supervision) = (relay, folder, supervision)
    }

    /// Gives the attempt up: the new process is killed, unless it serves already.
    func giveUp() {
        isGivenUp = true
        successor?.kill()
    }

    /// Starts the program again, with the arguments of this process, and hands the relay over to
    /// it.
    ///
    /// Returns its process id. Throws what to say if it does not serve: then the relay goes on,
    /// unless there is a `loss`.
    func run() async throws(AdminFault) -> Int32 {
        if let obstacle = supervision.obstacle { throw fault(obstacle) }
        if Supervisor.isThere, !Supervisor.status("an upgrade is under way") {
            throw fault(
                "the service manager cannot be told which process is the service's: NOTIFY_SOCKET "
                    + "is set, and nobody listens there")
        }
        do throws(AdminFault) {
            return try await handOver()
        } catch {
            Supervisor.status(
                "an upgrade has failed; the relay " + (loss == nil ? "goes on" : "cannot go on"))
            throw error
        }
    }

    private func handOver() async throws(AdminFault) -> Int32 {
        let sockets = relay.sockets
        guard let (line, other) = HandoverLine.pair() else {
            throw fault("no sockets can be made: \(unsafe String(cString: strerror(errno)))")
        }
        var environment = Supervisor.environmentOfSuccessor()
        environment[Inheritance.variable] = sockets.map(\.role.rawValue).joined(separator: ",")
        let successor: Successor
        do throws(LoopError) {
            defer { close(other) }
            successor = try Successor(
                path: CommandLine.arguments[0], arguments: Array(CommandLine.arguments.dropFirst()),
                environment: environment, descriptors: [other] + sockets.map(\.descriptor))
        } catch {
            throw fault("the new program was not started: \(error)")
        }
        self.successor = successor
        if let failure = await failure(to: "ready", successor, line) { throw fault(failure) }
        do throws(NetError) { try await relay.stepAside() } catch {
            await end(successor)
            throw fault("the running relay goes on: \(error)")
        }
        line.say("go")
        guard let failure = await failure(to: "serving", successor, line) else {
            return successor.pid
        }
        await takeBack()
        throw fault(failure + (await schemaWarning() ?? ""))
    }

    /// Waits for a word of the new process; returns why it does not come, when that process has
    /// ended.
    private func failure(
        to word: String, _ successor: Successor, _ line: HandoverLine
    ) async -> String? {
        let said = await line.line(within: Self.patience)
        if said == word, !isGivenUp {
            // From here on the new process is not this one's to end.
            if word == "serving" { self.successor = nil }
            return nil
        }
        let ended = await IO.within(Self.farewell) { await successor.end.wait() }
        await end(successor)
        let why: String
        if isGivenUp {
            why = "this process received a signal to end"
        } else if let said, said.hasPrefix(Self.failed) {
            why = String(said.dropFirst(Self.failed.count))
        } else {
            why = Self.text(of: ended)
        }
        return "the new program does not serve, and the running one goes on: \(why)"
    }

    /// Ends the new process; its lock and its sockets are free then.
    private func end(_ successor: Successor) async {
        self.successor = nil
        successor.kill()
        _ = await successor.end.wait()
    }

    /// Has the relay go on as before, or notes why it cannot.
    private func takeBack() async {
        do {
            guard let lock = try await lock() else {
                loss = "another process has taken \(folder.path) meanwhile"
                return
            }
            try relay.stepBack(lock)
        } catch {
            loss = "\(error)"
        }
    }

    /// Locks the folder again; a relay that a stdio client has started meanwhile makes way.
    private func lock() async throws -> FolderLock? {
        let end = IO.now + Self.takingBack
        repeat {
            if let lock = try folder.lock() { return lock }
            if await ServeCommand.yield(of: folder) == .refused { return nil }
            try? await IO.sleep(for: Self.look)
        } while IO.now < end
        return nil
    }

    /// What to say where the new program has changed the database, which this one knows no more.
    private func schemaWarning() async -> String? {
        guard await relay.hasNewerSchema() else { return nil }
        return "; it has brought the database to its own version, so that this program cannot open "
            + "it again: put a program of that version, which serves, in its place before the next "
            + "start"
    }

    private static func text(of end: ProgramEnd?) -> String {
        switch end {
        case .exited(let code): "it exited with code \(code); see the relay's log"
        case .signalled(let name): "it was ended by SIG\(name); see the relay's log"
        case .lost, .unreported: "it ended; see the relay's log"
        case nil: "it did not answer in \(patience.components.seconds) s"
        }
    }

    /// How a new process begins the line that says why it fails.
    nonisolated static let failed = "failed: "

    private func fault(_ message: String) -> AdminFault {
        AdminFault(message: message, exit: ExitCode.unavailable)
    }
}
