// The transfers of this agent: begins them, keeps them by their ids, and serves the `transfer.*`
// calls. Flow: a source's Sender → TransferLine → Receiver at the destination. Between the
// dispatcher and Files, whose Reach judges each path.
// Invariant: a transfer belongs to its principal, and ends with it and with a change of the rules.
import Loop
import TransferLines
import Tunnel
import Wire

/// Copies files between targets.
@IO final class Transfers: CommandSource {
    /// The most transfers at once: each holds some 10 MiB at most.
    nonisolated static let limit = 16
    /// The most of one principal to one target: they share its link.
    nonisolated static let perTarget = 8
    /// The most that are kept after their end.
    nonisolated static let kept = 64
    /// How long a transfer waits for the source's stream, whose ticket is good for so long.
    private static let streamTime = StreamTicket.time

    private let files: Files
    private let hosts: Hosts
    private let streams: Streams
    private let revoked: RevokedPrincipals
    private let events: Events
    private let makeID: @IO () -> String
    private let jobs = Jobs<Transfer>(
        limit: Transfers.limit, perTarget: Transfers.perTarget, kept: Transfers.kept)
    /// The partial files that are being written, by host, each with its transfer.
    private var claimed: [String: String] = [:]

    init(
        files: Files, hosts: Hosts, streams: Streams, revoked: RevokedPrincipals, events: Events,
        makeID: @escaping @IO () -> String
    ) {
        (self.files, self.hosts, self.streams) = (files, hosts, streams)
        (self.revoked, self.events, self.makeID) = (revoked, events, makeID)
    }

    /// The transfers that run or are kept.
    var all: [Transfer] { jobs.all }
    /// Those that have not ended.
    var running: [Transfer] { jobs.all.filter { $0.ended == nil } }

    /// Serves the calls.
    func serve(on dispatcher: Dispatcher) {
        dispatcher.serve(.sendFiles) { [unowned self] (call: SendFiles, visit) throws(Fault) in
            SendFiles.json(try await send(call, for: visit.caller))
        }
        dispatcher.serve(.startTransfer) {
            [unowned self] (call: StartTransfer, visit) throws(Fault) in
            let (job, ticket) = try await start(call, for: visit.caller)
            visit.progress = { CallProgress(bytes: job.counts.done.bytes, line: job.summary) }
            await job.wait(call.wait)
            // What has failed before it began is an error of the call itself.
            if let fault = job.obstacle { throw fault }
            return job.info.json(ticket)
        }
        dispatcher.serve(.awaitTransfer) {
            [unowned self] (call: AwaitTransfer, visit) throws(Fault) in
            let job = try find(call.commandID)
            visit.progress = { CallProgress(bytes: job.counts.done.bytes, line: job.summary) }
            await job.wait(call.wait)
            if let fault = job.obstacle { throw fault }
            return job.info.json()
        }
    }

    // MARK: Sending

    /// Offers a stream of files to another agent.
    private func send(_ call: SendFiles, for caller: Caller) async throws(Fault) -> StreamTicket {
        let place = try FilePlace(target: call.target)
        try await files.reach(place, for: caller) { reach throws(Fault) in
            _ = try await Sender.find(call.path, call.options, reach)
        }
        return try streams.offer(.transfer, of: call.target, to: caller.id) {
            [unowned self] stream in
            await send(call.path, at: place, call.options, over: StreamLine(stream), for: caller)
        }
    }

    private func send(
        _ path: String, at place: FilePlace, _ options: TransferOptions,
        over line: any TransferLine, for caller: Caller
    ) async {
        do throws(Fault) {
            try await files.reach(place, for: caller) { reach throws(Fault) in
                await Sender(reach: reach, path: path, options: options, line: line).run()
            }
        } catch {
            try? await line.send(.broken(code: error.code.rawValue, reason: error.message))
            line.finish()
        }
    }

    // MARK: Receiving

    private func start(
        _ call: StartTransfer, for caller: Caller
    ) async throws(Fault) -> (Transfer, StreamTicket?) {
        let place = try FilePlace(target: call.toTarget)
        let host = try await hosts.host(call.toTarget, place.access, for: caller)
        try await host.raiseQuestions()
        if case .here(let target, _) = call.source {
            let from = try FilePlace(target: target)
            try await hosts.host(target, from.access, for: caller).raiseQuestions()
        }
        let places = try await jobs.take(
            for: caller.id, on: host.address, until: IO.now, of: "places for transfers",
            or: "wait until some have ended")
        var source = ""
        switch call.source {
        case .here(let target, let path): source = "\(target):\(path)"
        case .stream(let text): source = text
        }
        let job = Transfer(
            id: makeID(), target: call.toTarget, path: call.toPath,
            owner: Owner(caller, at: host.address), source: source)
        var isSameHost = false
        do throws(Fault) {
            try revoked.check(caller.id)
            switch call.source {
            case .here(let target, let path):
                let from = try FilePlace(target: target)
                let other = try await hosts.host(target, from.access, for: caller)
                isSameHost = other.address == host.address
                let (near, far) = MemoryLine.pair()
                let sending = IO.task {
                    await self.send(path, at: from, call.options, over: far, for: caller)
                }
                add(job, places)
                receive(job, call, place, near, isSameHost, caller) {
                    sending.cancel()
                    await sending.value
                }
                return (job, nil)
            case .stream:
                let coming = Once<StreamLine?>()
                let ticket = try streams.offer(.transfer, of: call.toTarget, to: caller.id) {
                    stream in coming.set(StreamLine(stream))
                }
                add(job, places)
                let timer = LoopTimer(after: Self.streamTime) { coming.set(nil) }
                job.stop = { coming.set(nil) }
                IO.task { [self] in
                    let line = await coming.wait()
                    timer.cancel()
                    guard let line else {
                        return job.finish(
                            Fault(.timedOut, "the source's agent has not sent anything"))
                    }
                    receive(job, call, place, line, false, caller) {}
                }
                return (job, ticket)
            }
        } catch {
            places.giveBack()
            throw error
        }
    }

    private func add(_ job: Transfer, _ places: JobPlaces) {
        jobs.add(job, places) { [events] in
            events.publish(.command($0.id, $0.state, principal: $0.owner.id))
        }
    }

    /// Receives over a line, until the end of either.
    private func receive(
        _ job: Transfer, _ call: StartTransfer, _ place: FilePlace, _ line: any TransferLine,
        _ isSameHost: Bool, _ caller: Caller, _ end: @escaping @IO @Sendable () async -> Void
    ) {
        let task = IO.task { [self] in
            var fault: Fault?
            do throws(Fault) {
                try await files.reach(place, for: caller) { reach throws(Fault) in
                    let host = "\(job.owner.host)"
                    try await Receiver(
                        reach, to: call.toPath, job, call.options, over: line,
                        isSameHost: isSameHost
                    ) { self.claim("\(host) \($0)", for: job) }.run()
                }
                line.finish()
            } catch {
                fault = error
                line.close(error.message)
            }
            await end()
            claimed = claimed.filter { $0.value != job.id }
            job.finish(fault)
        }
        job.stop = {
            task.cancel()
            line.close("the transfer was ended")
        }
    }

    private func claim(_ name: String, for job: Transfer) -> Bool {
        guard claimed[name] == nil || claimed[name] == job.id else { return false }
        claimed[name] = job.id
        return true
    }

    // MARK: As jobs

    private func find(_ id: String) throws(Fault) -> Transfer {
        guard let job = jobs[id] else { throw .noCommand(id) }
        return job
    }

    func owner(of id: String) -> Owner? { jobs[id]?.owner }

    func output(_ request: ReadCommand) async throws(Fault) -> RunResult {
        let job = try find(request.commandID)
        guard request.until == nil else {
            throw Fault(.invalidArgument, "\"until\" does not go with a transfer of files")
        }
        await job.wait(request.wait)
        return job.result
    }

    func cancel(_ request: CancelCommand, maxBytes: Int) async throws(Fault) -> RunResult {
        let job = try find(request.commandID)
        job.cancel(saying: "it was cancelled")
        await job.wait(.seconds(10))
        return job.result
    }

    func progress(of id: String) -> CallProgress {
        guard let job = jobs[id] else { return CallProgress(bytes: 0) }
        return CallProgress(bytes: job.counts.done.bytes, line: job.summary)
    }

    func list(
        for caller: Caller, target: String?
    ) -> [(started: ContinuousClock.Instant, info: CommandInfo)] {
        jobs.list(for: caller).filter { (target ?? $0.target) == $0.target }.map {
            ($0.started, $0.info(for: caller))
        }
    }

    // MARK: The end

    /// Ends the running transfers, or those of one principal; returns how many.
    @discardableResult
    func end(of principal: String? = nil, saying why: String) -> Int {
        let ending = running.filter { principal == nil || $0.owner.id == principal }
        for job in ending { job.cancel(saying: why) }
        return ending.count
    }
}
