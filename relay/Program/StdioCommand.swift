// `homeline-relay stdio`: MCP on stdin and stdout, through the relay of the folder. If none runs,
// this process runs one, for itself and for the others that attach to it. `homeline-relay local`
// is the same with a relay that opens no port, and an agent for this machine.
// Invariant: a client outlives the relay that serves it, whichever process that is; an end for
// which neither the client nor a signal asked says why on standard error, and fails.
import Configuration
import Glibc
import JSON
import Loop
import MCP
import Net

@IO final class StdioCommand {
    /// How long a relay that was lost may take to come back, before this process runs one: a
    /// service that is restarted takes less.
    private static let comeback: Duration = .seconds(2)
    /// How long a folder may be held by a relay that does not answer: it starts, or ends.
    private static let patience: Duration = .seconds(20)
    /// How long calls of others may take to end: this process ends with its client.
    private static let grace: Duration = .milliseconds(1500)
    /// Time between two looks for the relay, each of which is one `connect`.
    private static let look: Duration = .milliseconds(50)

    /// How long the agent of this machine may take to connect before the client is served.
    private static let agentPatience: Duration = .seconds(5)

    private let options: Options
    private let doors: Doors
    private let folder: DataFolder
    private let client: MCPLineRelay
    /// The relay that this process runs.
    private var own: RelayService?
    /// The agent that this process runs.
    private var agent: LocalAgent?
    private var isStopping = false
    /// The end of `own`.
    private var ending: Task<Void, Never>?

    static func run(_ options: Options, _ doors: Doors = .ports) async -> Outcome {
        await StdioCommand(options, doors).run()
    }

    private init(_ options: Options, _ doors: Doors) {
        (self.options, self.doors) = (options, doors)
        folder = ServeCommand.folder(options, doors)
        client = MCPLineRelay(client: DescriptorStream(input: 0, output: 1))
    }

    private func run() async -> Outcome {
        let watches = [SIGINT, SIGTERM].map { SignalWatch($0) { self.stop() } }
        defer { for watch in watches { watch.cancel() } }
        var failure: StartFailure?
        do throws(StartFailure) {
            var runsOneAt = IO.now
            while !client.hasLeft, !isStopping, let line = try await reach(from: runsOneAt) {
                await client.serve(through: line)
                guard !client.hasLeft, !isStopping else { break }
                Process.complain(
                    "homeline-relay: the relay on \(folder.path) has ended: looking for it")
                runsOneAt = IO.now + Self.comeback
                client.fail(
                    saying: "the relay ended while this call ran; whatever was started at an agent "
                        + "keeps running: ask with the same session_id or command_id "
                        + "(ssh_session_list and ssh_command_list show them), or call again")
            }
        } catch {
            failure = error
        }
        if let own { end(own) }
        await ending?.value
        await client.finish(within: .milliseconds(500))
        guard let failure else { return Outcome() }
        return Outcome(errors: "homeline-relay: \(failure.message)", exit: failure.exit)
    }

    /// A signal: the client's calls still get an answer.
    private func stop() {
        isStopping = true
        guard let own else { return client.leave() }
        end(own)
    }

    /// Ends the relay that this process runs, once; `run` waits for that.
    private func end(_ relay: RelayService) {
        guard ending == nil else { return }
        agent?.stop()
        ending = IO.task { await relay.shutDown(grace: Self.grace) }
    }

    /// A line to the relay of the folder, which this process runs if none does from `runsOneAt` on;
    /// nil if the client left meanwhile.
    private func reach(
        from runsOneAt: ContinuousClock.Instant
    ) async throws(StartFailure) -> SocketStream? {
        let end = max(IO.now, runsOneAt) + Self.patience
        while !client.hasLeft, !isStopping {
            if let line = try await attached() { return line }
            if IO.now >= runsOneAt,
                let relay = try await ServeCommand.startUnlessHeld(options, doors)
            {
                relay.onYield = { [weak self] in IO.task { await self?.yield() } }
                own = relay
                await startAgent(of: relay)
                continue
            }
            guard IO.now < end else {
                throw StartFailure(
                    "the relay on \(folder.path) does not answer: see its log, or end it",
                    ExitCode.unavailable)
            }
            try? await IO.sleep(for: Self.look)
        }
        return nil
    }

    private func startAgent(of relay: RelayService) async {
        guard doors == .folder else { return }
        let agent = LocalAgent(of: relay, in: folder)
        self.agent = agent
        if let lack = await agent.start(within: Self.agentPatience) {
            Process.complain("homeline-relay: \(lack)")
        }
    }

    private func attached() async throws(StartFailure) -> SocketStream? {
        do throws(AdminFault) {
            guard let line = try await AdminClient.connect(folder) else { return nil }
            line.write(JSON.object(["command": "attach"]).encoded() + [UInt8(ascii: "\n")])
            return line
        } catch {
            throw StartFailure(error.message, error.exit)
        }
    }

    /// Leaves the folder to a relay that runs as a service.
    private func yield() async {
        guard let own else { return }
        end(own)
        await ending?.value
        (self.own, agent, ending) = (nil, nil, nil)
    }
}
