// The relay's program as it is on disk now takes over from the process that runs: `homeline-relay
// upgrade`, or SIGUSR2. Flow: the new process starts beside this one and says `ready`; this one
// frees the folder; the new one serves; this one ends when its calls have. Invariant: until the new
// process serves, this one can go on, and does if the new one fails.
import Configuration
import Glibc
import Loop
import Programs

@IO enum Upgrade {
    /// How long the new process may take for each of its two steps: a busy machine starts it in
    /// less.
    private static let patience = Duration.seconds(15)
    /// How long a process that said why it fails may take to end.
    private static let farewell = Duration.seconds(1)

    /// Starts the program again, with the arguments of this process, and hands `relay` over to it.
    ///
    /// Returns its process id. Throws what to say if it does not serve: then `relay` goes on.
    static func run(_ relay: RelayService) async throws(AdminFault) -> Int32 {
        guard getpid() != 1 else {
            throw fault(
                "this process is the first of a container, which ends with it: start another "
                    + "container")
        }
        let sockets = relay.sockets
        guard let (line, other) = HandoverLine.pair() else {
            throw fault("no sockets can be made: \(unsafe String(cString: strerror(errno)))")
        }
        var environment = Process.environment
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
        try await expect("ready", of: successor, line)
        await relay.stepAside()
        line.say("go")
        do throws(AdminFault) {
            try await expect("serving", of: successor, line)
        } catch {
            do throws(StartFailure) { try relay.stepBack() } catch {
                Process.log("the relay cannot go on as it was: \(error.message)")
            }
            throw error
        }
        return successor.pid
    }

    private static func expect(
        _ word: String, of successor: Successor, _ line: HandoverLine
    ) async throws(AdminFault) {
        let said = await line.line(within: patience)
        guard said != word else { return }
        let end = await IO.within(farewell) { await successor.end.wait() }
        successor.kill()
        let why: String
        if let said, said.hasPrefix(failed) {
            why = String(said.dropFirst(failed.count))
        } else {
            why = text(of: end)
        }
        // Its lock and its sockets are free once it is gone.
        _ = await successor.end.wait()
        throw fault("the new program does not serve, and the running one goes on: \(why)")
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
    static let failed = "failed: "

    private static func fault(_ message: String) -> AdminFault {
        AdminFault(message: message, exit: ExitCode.unavailable)
    }
}
