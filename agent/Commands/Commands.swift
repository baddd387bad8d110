// The one-shot commands of this agent: starts them on targets or here, and serves the `command.*`
// calls on them. Between the dispatcher and Hosts; Jobs keeps them by their ids.
// Invariant: a started command is registered as a job before its first byte of output.
import JSON
import Loop
import Programs
import Wire

/// Runs and remembers one-shot commands.
@IO final class Commands: CommandSource {
    private let hosts: Hosts
    private let revoked: RevokedPrincipals
    private let makeID: @IO () -> String
    private let events: Events
    /// The most commands that run at once, and the most that are kept after their end: clients may
    /// leave commands in the background, whose processes and output must not grow without bound.
    nonisolated static let limit = 256
    private let jobs = Jobs<CommandRun>(limit: Commands.limit)

    /// Commands with ids from `makeID`: unique, and safe in a shell line.
    init(
        hosts: Hosts, revoked: RevokedPrincipals, events: Events = Events(),
        makeID: @escaping @IO () -> String
    ) {
        self.hosts = hosts
        self.events = events
        self.revoked = revoked
        self.makeID = makeID
    }

    /// The commands that run or are kept after their end.
    var all: [CommandRun] { jobs.all }
    /// The commands that have not ended.
    var running: [CommandRun] { jobs.all.filter { $0.ended == nil } }
    /// The places of commands that run or start.
    var places: Shares { jobs.places }
    /// How many have not ended.
    var runningCount: Int { jobs.runningCount }

    /// Runs a command; answers when it has ended or its wait is over.
    ///
    /// `started` gets the run before its wait.
    func execute(
        _ request: ExecuteCommand, caller: Caller,
        started: @IO (CommandRun) -> Void = { _ in }
    ) async throws(Fault) -> RunResult {
        let run = try await start(request, caller)
        started(run)
        if !request.isBackground { await run.wait(request.wait, asAsked: true) }
        return run.result(maxBytes: request.maxBytes)
    }

    /// Starts a command; those that are being started count against the limit too.
    private func start(
        _ request: ExecuteCommand, _ caller: Caller
    ) async throws(Fault) -> CommandRun {
        let text = CommandText(
            command: request.command, environment: request.environment,
            directory: request.directory, hasTerminal: request.hasTerminal,
            hasShell: request.shell == .auto)
        try text.check()
        let place = try places.take(
            for: caller.id, of: "places for commands",
            or: "cancel some, or wait until some have ended")
        var isStarted = false
        defer { if !isStarted { place.giveBack() } }
        let host = try await hosts.host(request.target, request.access, for: caller)
        let id = makeID()
        let run = CommandRun(
            id: id, target: request.target, owner: Owner(caller, at: host.address),
            command: request.command, hasTerminal: request.hasTerminal)
        CrashPoint.reach("agent.starting")
        let process = try await host.execute(text, mark: id)
        CrashPoint.reach("agent.started")
        jobs.add(run, place) { [events] in
            events.publish(.command($0.id, $0.state, principal: $0.owner.id))
        }
        isStarted = true
        run.start(process, input: Array(request.input.utf8), timeout: request.timeout)
        do throws(Fault) {
            try await host.confirm()
            try revoked.check(caller.id)
        } catch {
            run.cancel("KILL")
            throw error
        }
        return run
    }

    /// The output after the offsets, once there is some or the wait is over.
    func output(_ request: ReadCommand) async throws(Fault) -> RunResult {
        let run = try find(request.commandID)
        let offsets = (output: request.stdoutOffset, errors: request.stderrOffset)
        await run.wait(request.wait, asAsked: true, beyond: offsets)
        return run.result(from: offsets, maxBytes: request.maxBytes)
    }

    /// The most bytes of each output in an answer, by the agent's policy.
    var outputLimit: Int { hosts.policy.outputLimit }

    /// The last line of a command's output, for a caller that waits.
    func progress(of id: String) -> CallProgress {
        jobs[id]?.progress ?? CallProgress(bytes: 0)
    }

    /// Ends a command, and answers when it has ended.
    func cancel(_ request: CancelCommand, maxBytes: Int) async throws(Fault) -> RunResult {
        let run = try find(request.commandID)
        run.cancel(request.signal)
        // Longer than the six seconds after which a run that is being ended is abandoned.
        await run.wait(.seconds(8))
        return run.result(maxBytes: maxBytes)
    }

    /// The caller's commands, newest first.
    func list(
        for caller: Caller, target: String? = nil
    ) -> [(started: ContinuousClock.Instant, info: CommandInfo)] {
        jobs.list(for: caller).filter { (target ?? $0.target) == $0.target }.map { run in
            var info = CommandInfo(
                commandID: run.id, target: run.target, owner: run.owner.label,
                command: run.command, state: run.state)
            if case .exited(let code) = run.end { info.exitCode = Int(code) }
            if case .signalled(let name) = run.end { info.signal = name }
            info.durationMS = Int(((run.ended ?? IO.now) - run.started) / .milliseconds(1))
            return (run.started, info)
        }
    }

    /// The command of this id.
    func find(_ id: String) throws(Fault) -> CommandRun {
        guard let run = jobs[id] else { throw .noCommand(id) }
        return run
    }

    /// The owner of the command with this id; nil if there is none.
    func owner(of id: String) -> Owner? { jobs[id]?.owner }

    /// Ends all running commands; returns when they have ended, after 2.8 s at most.
    ///
    /// A command that ignores the signal is killed after 2 s.
    func shutDown(saying why: String) async {
        for run in jobs.all { run.cancel("TERM", saying: why) }
        let deadline = IO.now + .milliseconds(2800)
        for run in jobs.all { await run.wait(max(.zero, deadline - IO.now)) }
    }
}
