// One-shot commands that outlive the agent's connection and the agent: a script leaves them at
// their host, and another passes on the files of their outputs.
// Flow: Commands starts them here; a read or a cancellation attaches to them again.
// Invariant: offsets are those of the files, so that they hold whoever follows, and after a
// restart.
import Crypto
import Glibc
import JSON
import Loop
import Programs
import Wire

/// How a detached command is found again.
@IO struct Detachment {
    let record: DetachedRecord
    /// Why the agent does not hear of it; nil: it does.
    var lost: String?
    /// Whether somebody is attaching to it.
    var isAttaching = false

    /// What to say where it has ended and left no exit code.
    static let withoutCode =
        "its processes are gone and left no exit code: they were killed, or the host was restarted"

    /// What to say while the agent does not hear of it.
    var note: String? {
        lost.map {
            "it outlives the connection, and its state now is not known: \($0); read it again"
        }
    }

    /// What the end of its follower means.
    func meaning(of end: ProgramEnd) -> ProgramEnd {
        switch end {
        case .signalled(DetachedScript.unreported), .signalled(DetachedScript.missing): .unreported
        case .exited, .signalled, .unreported, .lost: end
        }
    }
}

extension Commands {
    /// The longest time for a start script: a login, and storing its input.
    private static let startTime = Duration.seconds(45)

    /// Starts a command that outlives the connection.
    func startDetached(
        _ request: ExecuteCommand, _ caller: Caller
    ) async throws(Fault) -> CommandRun {
        let inner = CommandText(
            command: request.command, environment: request.environment,
            directory: request.directory ?? "~")
        try inner.check()
        let host = try await hosts.host(request.target, request.access, for: caller)
        let places = try await take(for: caller, on: host, request)
        var isStarted = false
        defer { if !isStarted { places.giveBack() } }
        let id = newID()
        let order = CommandRun.Order(
            preview: String(request.command.prefix(200)), directory: request.directory ?? "~",
            hasTerminal: false)
        let run = CommandRun(
            id: id, target: request.target, owner: Owner(caller, at: host.address), order)
        let record = DetachedRecord(id, request, run.owner, order)
        let script = DetachedScript(id: id)
        var text = CommandText(
            command: script.start(
                inner.wrapped(mark: id, isMarked: false), isForSh: request.shell == .sh))
        (text.isForSh, text.isMarked) = (true, false)
        try text.check()
        // Before it starts, so that whatever starts is found again.
        try records?.store(record)
        do throws(Fault) {
            let process = try await host.execute(text, mark: id)
            let answer = await IO.within(Self.startTime) { () -> [UInt8]? in
                await ProgramOutput.collect(process.program, input: Array(request.input.utf8))
            }
            try check(answer ?? nil, caller)
        } catch {
            records?.forget(id)
            throw error
        }
        run.detachment = Detachment(record: record, lost: "it was just started")
        add(run, places)
        isStarted = true
        await attach(run)
        return run
    }

    private func check(_ answer: [UInt8]?, _ caller: Caller) throws(Fault) {
        guard let answer else {
            throw Fault(
                .outcomeUnknown,
                "the connection was lost while the detached command was being started: look for it"
                    + " in ~/.homeline/jobs at the target")
        }
        guard String(decoding: answer, as: UTF8.self).contains(DetachedScript.started) else {
            throw Fault(
                .fileFailed,
                "the detached command was not started: the target has no place for its output in"
                    + " ~/.homeline/jobs, or no Unix shell")
        }
        try check(caller)
    }

    /// Follows a detached command again, if the agent does not hear of it; says why it cannot.
    func attach(_ run: CommandRun) async {
        guard run.end == nil, !run.isAttached, let detachment = run.detachment else { return }
        guard !detachment.isAttaching else {
            await run.changed.wait(until: IO.now + Self.startTime) {
                run.detachment?.isAttaching == false
            }
            return
        }
        run.detachment?.isAttaching = true
        do throws(Fault) {
            let record = detachment.record
            let host = try await host(of: record)
            let offsets = RunOffsets(output: run.logs.output.end, errors: run.logs.errors.end)
            var text = CommandText(command: DetachedScript(id: run.id).follow(from: offsets))
            (text.isForSh, text.isMarked) = (true, false)
            run.follow(try await host.execute(text, mark: run.id))
        } catch {
            run.detachment?.lost = error.message
        }
        run.detachment?.isAttaching = false
        run.changed.broadcast()
    }

    /// Ends a command, also one that has to be attached to first.
    func cancel(_ run: CommandRun, _ signal: String) {
        guard run.detachment != nil, !run.isAttached else { return run.cancel(signal) }
        IO.task {
            await self.attach(run)
            run.cancel(signal)
        }
    }

    /// Finds the detached commands of the agent's earlier processes again, by the records in a
    /// folder, where later ones are stored too.
    func restore(from folder: String) throws(Fault) {
        let records: DetachedRecords
        do throws(CryptoError) { records = try DetachedRecords(folder: folder) } catch {
            throw Fault(.unavailable, "\(error)")
        }
        self.records = records
        jobs.onForget = { [weak self] in self?.forget($0) }
        for record in records.all where jobs[record.id] == nil {
            let age = Duration.seconds(max(0, Int(time(nil)) - record.started))
            let run = CommandRun(
                id: record.id, target: record.target, owner: record.owner, record.order,
                started: IO.now - age)
            run.detachment = Detachment(record: record, lost: "the agent was restarted")
            // What runs runs, whether there is a place or not.
            add(run, nil)
            IO.task { await self.attach(run) }
        }
    }

    /// Removes what is left of a command that is kept no more.
    private func forget(_ run: CommandRun) {
        guard let record = run.detachment?.record else { return }
        records?.forget(run.id)
        IO.task {
            guard let host = try? await self.host(of: record) else { return }
            var text = CommandText(command: DetachedScript(id: run.id).forget)
            (text.isForSh, text.isMarked) = (true, false)
            guard let process = try? await host.execute(text, mark: run.id) else { return }
            _ = await ProgramOutput.collect(process.program)
        }
    }

    /// The host of a stored command; its owner's reach was judged by whoever names the command.
    private func host(of record: DetachedRecord) async throws(Fault) -> any Host {
        let owner = Caller(
            id: record.owner.id, label: record.owner.label, reach: Caller.everywhere)
        let access = try TargetAccess(Fields(object: record.access))
        return try await hosts.host(record.target, access, for: owner)
    }
}
