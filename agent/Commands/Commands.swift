// The one-shot commands of this agent: starts them on targets or here, and serves the `command.*`
// calls on them. Between the dispatcher and Hosts; Jobs keeps them by their ids.
// Invariant: a command that a call has started is a job before its first byte of output.
import JSON
import Loop
import Programs
import Wire

/// Runs and remembers one-shot commands.
@IO final class Commands {
    private let hosts: Hosts
    private let makeID: @IO () -> String
    private let jobs = Jobs<CommandRun>(limit: 256)
    private var starting = 0

    /// Commands whose ids `makeID` makes: new each time, plain enough for a shell.
    init(hosts: Hosts, makeID: @escaping @IO () -> String) {
        self.hosts = hosts
        self.makeID = makeID
    }

    /// Commands that have not ended.
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
        if !request.isBackground { await run.wait(request.wait) }
        return run.result(maxBytes: request.maxBytes)
    }

    /// Starts a command; those that are being started count against the limit too.
    private func start(
        _ request: ExecuteCommand, _ caller: Caller
    ) async throws(Fault) -> CommandRun {
        let text = CommandText(
            command: request.command, environment: request.environment,
            directory: request.directory, hasTerminal: request.hasTerminal)
        try text.check()
        guard jobs.runningCount + starting < jobs.limit else {
            throw Fault(.limitReached, "\(jobs.limit) commands run on this agent: cancel some")
        }
        starting += 1
        defer { starting -= 1 }
        let host = try await hosts.host(request.target, request.access)
        let id = makeID()
        let run = CommandRun(
            id: id, target: request.target, owner: Owner(caller, target: request.target),
            command: request.command)
        let process = try await host.execute(text, mark: id)
        jobs.add(run)
        run.start(process, input: Array(request.input.utf8), timeout: request.timeout)
        return run
    }

    /// What follows the offsets, when there is something or the wait is over.
    func output(_ request: ReadCommand, caller: Caller) async throws(Fault) -> RunResult {
        let run = try find(request.commandID, caller)
        let offsets = (output: request.stdoutOffset, errors: request.stderrOffset)
        await run.wait(request.wait, beyond: offsets)
        return run.result(from: offsets, maxBytes: request.maxBytes)
    }

    /// Ends a command and answers when it has.
    func cancel(_ request: CancelCommand, caller: Caller) async throws(Fault) -> RunResult {
        let run = try find(request.commandID, caller)
        run.cancel(request.signal)
        await run.wait(.seconds(8))
        return run.result(maxBytes: min(20_000, hosts.policy.outputLimit))
    }

    /// The caller's commands, newest first.
    func list(caller: Caller, target: String? = nil) -> JSON {
        let mine = jobs.list(for: caller).filter { (target ?? $0.target) == $0.target }
        let rows = mine.map { run -> JSON in
            var row: JSON.Object = [
                "command_id": .string(run.id), "target": .string(run.target),
                "owner": .string(run.owner.label), "command": .string(run.command),
                "state": .string(run.state.rawValue),
            ]
            if case .exited(let code) = run.end { row["exit_code"] = .integer(code) }
            if case .signalled(let name) = run.end { row["signal"] = .string(name) }
            let duration = ((run.ended ?? IO.now) - run.started) / .milliseconds(1)
            row["duration_ms"] = .integer(Int(duration))
            return .object(row)
        }
        return ["commands": .array(rows)]
    }

    /// The caller's command of this id.
    func find(_ id: String, _ caller: Caller) throws(Fault) -> CommandRun {
        guard let run = jobs.find(id, for: caller) else {
            throw Fault(
                .unknownCommand,
                "There is no command \"\(id.prefix(80))\" (ended ones are kept for an hour);"
                    + " ssh_command_list shows yours.")
        }
        return run
    }

    /// Ends what runs; returns when all has ended, within seconds.
    ///
    /// What does not listen is killed after two of them.
    func shutDown() async {
        for run in jobs.all { run.cancel("TERM") }
        let deadline = IO.now + .milliseconds(2800)
        for run in jobs.all { await run.wait(max(.zero, deadline - IO.now)) }
    }
}
