// The agent of this machine that `homeline-relay local` runs: it joins at the folder's socket,
// once, and is started again whenever it ends. It ends by itself when its relay has been away for
// a time, so that another process may take the relay over with all sessions.
// Invariant: at most one agent runs on the folder, whoever started it.
import Configuration
import Glibc
import JSON
import Loop
import Programs

@IO final class LocalAgent {
    /// How long the agent lives without a relay: another client's process takes the folder over in
    /// 2 s.
    private static let orphanAfter = "10s"
    /// Time between the end of an agent and the start of the next.
    private static let pause = Duration.seconds(1)
    /// How long the agent may take to join.
    private static let joining = Duration.seconds(20)
    /// Time between two looks for its connection.
    private static let look = Duration.milliseconds(10)

    private let relay: RelayService
    private let folder: DataFolder
    private let program: String
    private var process: ChildStream?
    private var isStopped = false
    /// What the agent said last.
    private var words = ""

    init(of relay: RelayService, in folder: DataFolder) {
        (self.relay, self.folder) = (relay, folder)
        program = Self.program
    }

    /// The agent's program: beside this one, or in PATH.
    private static var program: String {
        let name = "homeline-agent"
        guard let own = Process.programPath, let slash = own.lastIndex(of: "/") else { return name }
        let beside = String(own[...slash]) + name
        return unsafe access(beside, X_OK) == 0 ? beside : name
    }

    /// Starts it, and waits until it is connected, at most for `time`; what is wrong if it is not.
    func start(within time: Duration) async -> String? {
        IO.task { await self.keep() }
        let end = IO.now + time
        while relay.presence().isEmpty {
            guard IO.now < end else {
                return "the agent of this machine does not start (\(program)): \(words)"
            }
            try? await IO.sleep(for: Self.look)
        }
        return nil
    }

    /// Starts it no more; it ends by itself.
    func stop() { isStopped = true }

    private func keep() async {
        if unsafe access(folder.agent, F_OK) != 0 { _ = await join() }
        while !isStopped {
            // An earlier process's agent finds the relay by itself.
            if relay.presence().isEmpty, !isRunning, await needsToJoin() { _ = await join() }
            try? await IO.sleep(for: Self.pause)
        }
    }

    /// Whether an agent runs on the folder: it holds this lock.
    private var isRunning: Bool { FolderLock.isHeld(folder.agent + "/agent.lock") }

    /// Runs the agent to its end; whether it has not joined yet, or the relay does not know it.
    private func needsToJoin() async -> Bool {
        switch await run() {
        case .exited(ExitCode.configuration), .exited(ExitCode.noPermission): true
        // Also where an earlier process's agent has the folder still.
        case .exited, .signalled, .unreported, .lost: false
        }
    }

    private func run() async -> ProgramEnd {
        let end = Once<ProgramEnd>()
        do throws(LoopError) {
            let process = try ChildStream(
                path: program,
                arguments: [
                    "run", "--data", folder.agent, "--orphan-after", Self.orphanAfter,
                ], environment: Process.environment)
            process.onErrorOutput = { [weak self] in self?.hear($0) }
            process.onEnd = { end.set($0) }
            process.sendEOF()
            process.resume()
            self.process = process
        } catch {
            words = "\(error)"
            return .unreported
        }
        return await end.wait()
    }

    private func hear(_ bytes: [UInt8]) {
        let text = String(decoding: bytes.suffix(1000), as: UTF8.self)
        words = text.split(separator: "\n").last.map(String.init) ?? words
        for line in text.split(separator: "\n") { Process.complain(String(line)) }
    }

    private func join() async -> Bool {
        let known = await relay.administer(["command": "agents"])["ok"]?["agents"]?.arrayValue ?? []
        var request: JSON.Object = ["command": "invite", "ttl_s": 60]
        // One whose folder was deleted gets its name back.
        if let name = known.first?["agent"] { request["rejoin"] = name }
        let answer = await relay.administer(.object(request))
        guard let invitation = answer["ok"]?["invitation"]?.stringValue else {
            words = answer["error"]?["message"]?.stringValue ?? "it has no invitation"
            return false
        }
        do throws(LoopError) {
            let joined = try await Child.run(
                program, ["join", invitation, "--data", folder.agent, "--new"],
                deadline: Self.joining)
            hear(joined.errorOutput)
            return joined.exitCode == 0
        } catch {
            words = "\(error)"
            return false
        }
    }
}
