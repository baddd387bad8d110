// Runs a call with a key at most once: a repetition waits for the first, or gets its reply, also
// after the agent was killed and started again. Flow: Dispatcher → Journal → the method's part, and
// the reply → JournalSegment. Invariant: a call's key is in the file before the call is served.
import Crypto
import Glibc
import Loop
import Wire

/// The calls that were served, by their keys.
@IO final class Journal {
    /// Serves a call.
    typealias Service = @IO @Sendable () async -> Served

    /// How a call ended.
    struct Served {
        /// The bytes of the reply.
        var reply: [UInt8]
        /// Whether the call began nothing, so that it may be made again under its key.
        var isFree = false
        /// Called once, when somebody gets the reply.
        var delivered: (@IO () -> Void)?
    }

    /// A call that is being served.
    @IO private final class Run {
        let call: JournaledCall
        let reply = Once<[UInt8]>()
        var task: Task<Void, Never>?
        /// How many answers wait for the reply.
        var waiting = 0
        /// Whether all who waited have given the call up.
        var isGivenUp = false

        init(_ call: JournaledCall) { self.call = call }
    }

    /// A reply that is in memory alone.
    private struct Kept {
        let key: JournaledCall.Key
        let reply: [UInt8]
        let since = IO.now
    }

    /// What the reply of a call does for whoever gets it.
    private struct Undelivered {
        let body: @IO () -> Void
        let since = IO.now
    }

    /// The most calls that are served at once: as many as four tunnels carry.
    nonisolated static let runLimit = 4096
    /// The most bytes of replies that are kept in memory because they are not in the file.
    ///
    /// A relay asks again within seconds, and the longest reply has 8 MiB.
    nonisolated static let memoryLimit = 16 << 20
    /// The most such replies: short ones take more memory than their bytes.
    nonisolated private static let keptLimit = 4096
    /// How long they are kept: a relay asks again within two minutes.
    nonisolated private static let keptTime = Duration.seconds(600)
    /// Time between two looks at the age of what is kept.
    nonisolated private static let tidying = Duration.seconds(600)

    /// Whether a call waits until the disk has stored its key (`JournalSync`).
    var isSynced = false
    private let folder: String?
    private let log: @IO (String) -> Void
    private var current: JournalSegment
    private var previous: JournalSegment
    private var runs: [JournaledCall.Key: Run] = [:]
    private var kept: [JournaledCall.Key: Kept] = [:]
    private var keptOrder: [JournaledCall.Key] = []
    private var keptBytes = 0
    /// What is done when the reply of a call, which nobody got so far, is given to somebody.
    private var undelivered: [JournaledCall.Key: Undelivered] = [:]
    private var reported: String?
    private var tidier: LoopTimer?

    /// The journal of a folder; without one, it is in memory alone.
    init(folder: String? = nil, log: @escaping @IO (String) -> Void = { _ in }) {
        self.folder = folder
        self.log = log
        let salt = Random.bytes(32)
        previous = JournalSegment(folder.map { $0 + Self.older }, salt: salt)
        current = JournalSegment(folder.map { $0 + Self.newer }, salt: previous.salt)
        tidier = LoopTimer(after: Self.tidying, repeating: Self.tidying) { [weak self] in
            self?.tidy()
        }
        report()
        if current.failure == nil, let failure = previous.failure {
            log("earlier calls are not known: \(failure)")
        }
        tidy()
    }

    private static let newer = "/journal"
    private static let older = "/journal.1"

    /// Whether calls run at most once also when the agent is killed.
    var isKept: Bool { folder != nil && current.failure == nil }

    /// How long the disk may take at the end of the program.
    private static let farewell = Duration.seconds(1)

    /// Waits until the disk has stored what was written down.
    func close() async {
        tidier?.cancel()
        _ = await IO.within(Self.farewell) { [current] in await current.sync() }
    }

    /// A call as the journal knows it.
    func call(_ request: Request, isShortLived: Bool) -> JournaledCall? {
        request.key.map {
            JournaledCall(
                key: .init(principal: request.caller.id, name: $0), method: request.method,
                arguments: request.arguments, isShortLived: isShortLived, salt: current.salt)
        }
    }

    /// The reply to a call: of an earlier call with its key, or of `prepare`'s service.
    ///
    /// Once nobody waits for it any more, the service is cancelled, unless `isLost` says that the
    /// relay may ask again. Throws what `prepare` throws, which is not written down;
    /// `invalidArgument` if the key was used for another call; `outcomeUnknown` if the call was
    /// begun by a process that was killed, or if its reply is not kept; `busy` if too many calls
    /// are served.
    func reply(
        to call: JournaledCall, isLost: @escaping @IO @Sendable () -> Bool = { false },
        _ prepare: @IO () throws(Fault) -> Service
    ) async throws(Fault) -> [UInt8] {
        if let run = runs[call.key] {
            try Self.check(call, run.call.method, run.call.digest)
            run.waiting += 1
            return await wait(for: run, isLost)
        }
        if let earlier = try reply(kept: call) { return earlier }
        CrashPoint.reach("agent.new")
        let service = try prepare()
        guard runs.count < Self.runLimit else {
            throw Fault(.busy, "this agent serves \(Self.runLimit) calls: try again in a moment")
        }
        let run = Run(call)
        run.waiting = 1
        runs[call.key] = run
        CrashPoint.reach("agent.unwritten")
        await begin(call)
        CrashPoint.reach("agent.written")
        run.task = IO.task {
            CrashPoint.reach("agent.serving")
            let served = await service()
            CrashPoint.reach("agent.ended")
            self.end(run, served)
            CrashPoint.reach("agent.replied")
        }
        if run.isGivenUp { run.task?.cancel() }
        return await wait(for: run, isLost)
    }

    private func begin(_ call: JournaledCall) async {
        if current.isFull { turn() }
        current.begin(call)
        if isSynced, !call.isShortLived { await current.sync() }
        report()
    }

    private func end(_ run: Run, _ served: Served) {
        let key = run.call.key
        runs[key] = nil
        if served.isFree {
            current.free(run.call)
        } else if !current.end(run.call, served.reply) {
            keep(Kept(key: key, reply: served.reply))
        }
        report()
        if run.waiting > 0 {
            served.delivered?()
        } else if let body = served.delivered, !served.isFree, undelivered.count < Self.keptLimit {
            undelivered[key] = Undelivered(body: body)
        }
        run.reply.set(served.reply)
    }

    /// Waits for the reply, for a caller that is counted already.
    private func wait(
        for run: Run, _ isLost: @escaping @IO @Sendable () -> Bool
    ) async -> [UInt8] {
        await withTaskCancellationHandler {
            await run.reply.wait()
        } onCancel: {
            IO.task {
                run.waiting -= 1
                guard run.waiting == 0, !isLost() else { return }
                run.isGivenUp = true
                run.task?.cancel()
            }
        }
    }

    // MARK: Earlier calls

    /// The reply of an earlier call that has ended; nil if there was none.
    private func reply(kept call: JournaledCall) throws(Fault) -> [UInt8]? {
        for segment in [current, previous] {
            guard let entry = segment[call.key] else { continue }
            try Self.check(call, entry.method, entry.digest)
            let inMemory = kept[call.key]?.reply
            let reply: [UInt8]
            if let inMemory { reply = inMemory } else { reply = try Self.stored(entry, segment) }
            undelivered.removeValue(forKey: call.key)?.body()
            return reply
        }
        return nil
    }

    private static func stored(
        _ entry: JournalSegment.Entry, _ segment: JournalSegment
    ) throws(Fault) -> [UInt8] {
        switch entry.outcome {
        case .stored(let offset, let count):
            if let reply = segment.reply(at: offset, count: count) { return reply }
            throw unknown("the call has ended, and its answer cannot be read from the disk")
        case .left(let count):
            throw unknown(
                "the call has ended; its answer of \(count) bytes was not kept (ssh_command_list "
                    + "and ssh_session_read show output that is still there)")
        case .unknown:
            throw unknown("the agent was ended while it served the call, and restarted")
        }
    }

    private static func unknown(_ why: String) -> Fault {
        Fault(
            .outcomeUnknown,
            "This call was begun before and is not begun again: \(why). Look at what it changed, "
                + "then decide whether to make a new call.")
    }

    private static func check(
        _ call: JournaledCall, _ method: String, _ digest: String
    ) throws(Fault) {
        guard method == call.method, digest == call.digest else {
            throw Fault(
                .invalidArgument,
                "the idempotency key of this call belongs to an earlier call with other arguments: "
                    + "use a new key")
        }
    }

    // MARK: What is kept

    private func keep(_ reply: Kept) {
        kept[reply.key] = reply
        keptOrder.append(reply.key)
        keptBytes += reply.reply.count
        while keptBytes > Self.memoryLimit || keptOrder.count > Self.keptLimit { dropOldest() }
    }

    private func dropOldest() {
        let key = keptOrder.removeFirst()
        keptBytes -= kept.removeValue(forKey: key)?.reply.count ?? 0
        undelivered[key] = nil
    }

    /// Drops what is too old: an agent without calls keeps nothing for longer.
    private func tidy() {
        while let key = keptOrder.first, let oldest = kept[key],
            IO.now - oldest.since > Self.keptTime
        {
            dropOldest()
        }
        undelivered = undelivered.filter { IO.now - $0.value.since <= Self.keptTime }
        if current.isFull { turn() }
        if previous.isOutdated, let folder {
            unsafe unlink(folder + Self.older)
            previous = JournalSegment(nil, salt: current.salt)
        }
    }

    /// Begins the next file; what is being served is in it too.
    private func turn() {
        if let folder, !current.move(to: folder + Self.older) { return }
        previous = current
        current = JournalSegment(folder.map { $0 + Self.newer }, salt: previous.salt)
        for run in runs.values { current.begin(run.call) }
    }

    /// Logs once that the file cannot be written.
    private func report() {
        guard let failure = current.failure, failure != reported else { return }
        reported = failure
        log("calls are not protected against a crash of this agent: \(failure)")
    }
}
