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
    /// Whether somebody is starting it, or attaching to it.
    var isAttaching = false
    /// Whether it is not known to have been started.
    var isDoubtful = false
    /// Whether an earlier process of the agent started it, whose copy of the output is gone.
    var isRestored = false

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
    /// The longest wait of a call for a login to a detached command's host: the relay gives calls
    /// on commands 15 s.
    nonisolated static let attachTime = Duration.seconds(8)
    /// How many logins to the hosts of earlier detached commands are under way at once.
    private static let restoredAtOnce = 4

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
            hasTerminal: false, mark: CommandRun.Order.mark(for: id))
        let run = CommandRun(
            id: id, target: request.target, owner: Owner(caller, at: host.address), order)
        let record = DetachedRecord(id, request, run.owner, order)
        var text = CommandText(
            command: DetachedScript(id: order.mark).start(
                inner.wrapped(mark: order.mark, isMarked: false), isForSh: request.shell == .sh,
                inputCount: request.input.utf8.count))
        (text.isForSh, text.isMarked) = (true, false)
        try text.check()
        // Before it starts, so that whatever starts is found again.
        try records?.store(record)
        run.detachment = Detachment(record: record, lost: "it was just started")
        var process: CommandProcess?
        do throws(Fault) { process = try await host.execute(text, mark: order.mark) } catch {
            // Where the request was not answered, it may have been served.
            guard error.code == .linkLost else {
                records?.forget(id)
                throw error
            }
            run.detachment?.lost = error.message
            run.detachment?.isDoubtful = true
        }
        add(run, places)
        isStarted = true
        if let process {
            run.detachment?.isAttaching = true
            // A task of its own: a client that goes away does not end the start.
            let start = IO.task { await self.conclude(run, process, request.input) }
            await start.value
        }
        await attach(run)
        do throws(Fault) {
            try await host.confirm()
            try check(caller)
        } catch {
            run.cancel("KILL", through: process)
            throw error
        }
        return run
    }

    /// Waits until the start script of a command has said how it went.
    private func conclude(_ run: CommandRun, _ process: CommandProcess, _ input: String) async {
        let input = Array((DetachedScript.go + input).utf8)
        let answer = await IO.within(Self.startTime) { () -> [UInt8]? in
            await ProgramOutput.collect(process.program, input: input)
        }
        if let answer = answer ?? nil {
            if !String(decoding: answer, as: UTF8.self).contains(DetachedScript.started) {
                records?.forget(run.id)
                run.refuse(
                    Fault(
                        .fileFailed,
                        "the detached command was not started: the target has no place for its"
                            + " input and output in ~/.homeline/jobs, or no Unix shell"))
            }
        } else {
            run.detachment?.lost = "the connection was lost while it was being started"
            run.detachment?.isDoubtful = true
            process.program.close()
        }
        // It may have been given up in the meantime.
        if case .lost = run.end { _ = await process.end("KILL", .zero) }
        if run.end == nil, let record = run.detachment?.record { await follow(run, record) }
        run.detachment?.isAttaching = false
        run.changed.broadcast()
    }

    /// Follows a detached command again, if the agent does not hear of it, and waits `limit` for
    /// that; the run says why it could not.
    func attach(_ run: CommandRun, within limit: Duration = Commands.attachTime) async {
        guard run.end == nil, !run.isAttached, let detachment = run.detachment else { return }
        if !detachment.isAttaching {
            run.detachment?.isAttaching = true
            IO.task {
                await self.follow(run, detachment.record)
                run.detachment?.isAttaching = false
                run.changed.broadcast()
            }
        }
        await run.changed.wait(until: IO.now + limit) {
            run.isAttached || run.detachment?.isAttaching != true
        }
    }

    private func follow(_ run: CommandRun, _ record: DetachedRecord) async {
        do throws(Fault) {
            let host = try await host(of: record)
            if run.detachment?.isRestored == true, run.logs.count == 0 {
                await skipOld(run, host)
            }
            let offsets = RunOffsets(output: run.logs.output.end, errors: run.logs.errors.end)
            var text = CommandText(
                command: DetachedScript(id: run.order.mark).follow(from: offsets))
            (text.isForSh, text.isMarked) = (true, false)
            run.follow(try await host.execute(text, mark: run.order.mark))
        } catch {
            run.detachment?.lost = error.message
        }
    }

    /// Begins the outputs of a restored command where its logs, full, would begin.
    private func skipOld(_ run: CommandRun, _ host: any Host) async {
        var text = CommandText(command: DetachedScript(id: run.order.mark).sizes)
        (text.isForSh, text.isMarked) = (true, false)
        guard let process = try? await host.execute(text, mark: run.order.mark) else { return }
        let answer = await IO.within(Self.attachTime) { () -> [UInt8]? in
            await ProgramOutput.collect(process.program)
        }
        let words = String(decoding: (answer ?? nil) ?? [], as: UTF8.self)
            .split(whereSeparator: \.isWhitespace)
        let sizes = words.suffix(2).compactMap { Int($0) }
        guard sizes.count == 2 else { return }
        run.logs.output.skip(to: sizes[0] - RunLogs.spool)
        run.logs.errors.skip(to: sizes[1] - RunLogs.spool)
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
        var found: [CommandRun] = []
        for record in records.all where jobs[record.id] == nil {
            let age = Duration.seconds(max(0, Int(time(nil)) - record.started))
            let run = CommandRun(
                id: record.id, target: record.target, owner: record.owner, record.order,
                started: IO.now - age)
            run.detachment = Detachment(
                record: record, lost: "the agent was restarted", isRestored: true)
            // What runs runs, whether there is a place or not.
            add(run, nil)
            found.append(run)
        }
        var rest = found[...]
        for _ in 0..<Self.restoredAtOnce {
            IO.task {
                while let run = rest.popFirst() {
                    await Sharer.serving(run.owner.id) {
                        await self.attach(run, within: Self.startTime)
                    }
                }
            }
        }
    }

    /// Removes what is left of a command that is kept no more.
    private func forget(_ run: CommandRun) {
        guard let record = run.detachment?.record else { return }
        records?.forget(run.id)
        IO.task {
            guard let host = try? await self.host(of: record) else { return }
            var text = CommandText(command: DetachedScript(id: run.order.mark).forget)
            (text.isForSh, text.isMarked) = (true, false)
            guard let process = try? await host.execute(text, mark: run.order.mark) else { return }
            _ = await ProgramOutput.collect(process.program)
        }
    }

    /// The host of a stored command; its owner's reach was judged by whoever names the command, and
    /// what a person has to agree to by the call that started it.
    private func host(of record: DetachedRecord) async throws(Fault) -> any Host {
        let owner = Caller(
            id: record.owner.id, label: record.owner.label, reach: Caller.everywhere)
        let access = try TargetAccess(Fields(object: record.access))
        return try await hosts.host(record.target, access, for: owner, isAgreed: true)
    }
}
