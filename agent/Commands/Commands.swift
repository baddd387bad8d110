// The one-shot commands of this agent: starts them on targets or here, and serves the `command.*`
// calls on them. Between the dispatcher and Hosts; Jobs keeps them by their ids.
// Invariant: a started command is registered as a job before its first byte of output.
import JSON
import Loop
import Programs
import Terminal
import Wire

/// Runs and remembers one-shot commands.
@IO final class Commands: CommandSource {
    let hosts: Hosts
    private let revoked: RevokedPrincipals
    private let makeID: @IO () -> String
    private let events: Events
    /// The most commands that are kept after their end, so that their output does not grow without
    /// bound: as many as run at once by default.
    nonisolated static let kept = 256
    /// The longest wait for a place at a target: short commands of many calls take turns, within
    /// the time that the relay allows for reaching a target.
    private static let turnTime = Duration.seconds(10)
    /// What is stored of detached commands; nil: nothing is.
    var records: DetachedRecords?
    let jobs = Jobs<CommandRun>(
        limit: CommandLimits().all, perTarget: CommandLimits().perTarget, kept: Commands.kept)

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
    /// The most that run at once, and of one principal on one target.
    var limits: CommandLimits {
        get { CommandLimits(all: jobs.limit, perTarget: jobs.perTarget) }
        set { (jobs.limit, jobs.perTarget) = (newValue.all, newValue.perTarget) }
    }
    /// How many have not ended.
    var runningCount: Int { jobs.runningCount }

    /// Runs a command; answers when it has ended or its wait is over.
    ///
    /// `started` gets the run before its wait.
    func execute(
        _ request: ExecuteCommand, caller: Caller,
        started: @IO (CommandRun) -> Void = { _ in }
    ) async throws(Fault) -> RunResult {
        let run =
            request.isDetached
            ? try await startDetached(request, caller) : try await start(request, caller)
        started(run)
        if !request.isBackground { await run.wait(request.wait, asAsked: true) }
        if let obstacle = run.obstacle { throw obstacle }
        return run.result(maxBytes: request.maxBytes, request.encoding)
    }

    /// Starts a command; those that are being started count against the limit too.
    private func start(
        _ request: ExecuteCommand, _ caller: Caller
    ) async throws(Fault) -> CommandRun {
        let text = CommandText(
            command: request.command, environment: request.environment,
            directory: request.directory, hasTerminal: request.hasTerminal,
            hasShell: request.shell != .none, isForSh: request.shell == .sh)
        try text.check()
        let host = try await hosts.host(request.target, request.access, for: caller)
        let place = try await take(for: caller, on: host, request)
        var isStarted = false
        defer { if !isStarted { place.giveBack() } }
        let id = makeID()
        let run = CommandRun(
            id: id, target: request.target, owner: Owner(caller, at: host.address),
            CommandRun.Order(
                preview: String(request.command.prefix(200)), directory: request.directory,
                hasTerminal: request.hasTerminal, mark: CommandRun.Order.mark(for: id)))
        CrashPoint.reach("agent.starting")
        let process = try await host.execute(text, mark: run.order.mark)
        CrashPoint.reach("agent.started")
        add(run, place)
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

    /// The places of a command that is about to start.
    ///
    /// Whoever does not wait for the command does not wait for its turn either.
    func take(
        for caller: Caller, on host: any Host, _ request: ExecuteCommand
    ) async throws(Fault) -> JobPlaces {
        let patience = request.isBackground ? .zero : min(request.wait, Self.turnTime)
        return try await jobs.take(
            for: caller.id, on: host.address, until: IO.now + patience, of: "places for commands",
            or: "cancel some, or wait until some have ended (ssh_command_list with state running"
                + " shows them)")
    }

    /// Keeps a command that has its places until it ends.
    func add(_ run: CommandRun, _ places: JobPlaces?) {
        jobs.add(run, places) { [events] in
            events.publish(.command($0.id, $0.state, principal: $0.owner.id))
        }
    }

    /// A new handle.
    func newID() -> String { makeID() }

    /// Throws if the principal is served no more.
    func check(_ caller: Caller) throws(Fault) { try revoked.check(caller.id) }

    /// The output after the offsets, once what the request waits for has come or its wait is over.
    func output(_ request: ReadCommand) async throws(Fault) -> RunResult {
        let run = try find(request.commandID)
        await attach(run)
        let offsets = RunOffsets(
            output: request.stdoutOffset ?? 0, errors: request.stderrOffset ?? 0)
        var isMatched: Bool?
        if let until = request.until {
            let pattern: LinePattern
            do throws(TerminalError) { pattern = try LinePattern(until) } catch {
                throw Fault(.invalidArgument, error.description)
            }
            isMatched = await run.find(pattern, from: offsets, request.wait)
        } else {
            await run.wait(
                request.wait, asAsked: true, beyond: request.goal == .output ? offsets : nil)
        }
        var result =
            request.isWhole
            ? run.result(maxBytes: request.maxBytes, request.encoding)
            : run.result(from: offsets, maxBytes: request.maxBytes, request.encoding)
        result.isMatched = isMatched
        return result
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
        do throws(Fault) { try await end(run, request.signal) } catch {
            guard request.signal == "KILL" else {
                throw Fault(
                    .linkLost,
                    "\(error.message); to forget the command and free its place all the same, cancel"
                        + " it with signal KILL")
            }
            run.giveUp(error.message)
            records?.forget(run.id)
        }
        return run.result(maxBytes: maxBytes)
    }

    /// Ends a command, for nobody who waits for its end.
    func cancel(_ run: CommandRun, _ signal: String) {
        guard run.detachment != nil, !run.isAttached else { return run.cancel(signal) }
        IO.task {
            do throws(Fault) { try await self.end(run, signal) } catch {
                Process.log("command \(run.id): \(error.message)")
            }
        }
    }

    /// Ends a command, and returns when it has ended; throws if its host cannot be reached.
    private func end(_ run: CommandRun, _ signal: String) async throws(Fault) {
        // Longer than a run that is being ended takes until it is given up.
        let deadline = IO.now + .seconds(12)
        // A connection may turn out to be lost only now: then once more over a new one.
        for _ in 0..<2 where run.end == nil {
            await attach(run, within: min(Self.attachTime, max(.zero, deadline - IO.now)))
            if run.end == nil, run.detachment != nil, !run.isAttached {
                throw Fault(
                    .linkLost,
                    "the command was not signalled, as its host was not reached:"
                        + " \(run.detachment?.lost ?? "")")
            }
            run.cancel(signal)
            await run.waitForEnding(max(.zero, deadline - IO.now))
            if run.isAttached || run.detachment == nil { break }
        }
    }

    /// The caller's commands, newest first.
    func list(
        for caller: Caller, target: String? = nil
    ) -> [(started: ContinuousClock.Instant, info: CommandInfo)] {
        jobs.list(for: caller).filter { (target ?? $0.target) == $0.target }.map { run in
            (run.started, run.info(for: caller))
        }
    }

    /// The command of this id.
    func find(_ id: String) throws(Fault) -> CommandRun {
        guard let run = jobs[id] else { throw .noCommand(id) }
        return run
    }

    /// The owner of the command with this id; nil if there is none.
    func owner(of id: String) -> Owner? { jobs[id]?.owner }

    /// Ends all running commands but detached ones; returns when they have, after 2.8 s at most.
    ///
    /// A command that ignores the signal is killed after 2 s.
    func shutDown(saying why: String) async {
        for run in jobs.all where run.detachment != nil { run.letGo() }
        let ending = jobs.all.filter { $0.detachment == nil }
        for run in ending { run.cancel("TERM", grace: .seconds(2), saying: why) }
        let deadline = IO.now + .milliseconds(2800)
        for run in ending { await run.wait(max(.zero, deadline - IO.now)) }
    }
}
