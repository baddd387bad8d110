// Runs a call with a key at most once: a repetition waits for the first, or gets its reply, also
// after the agent was killed and started again. Flow: Dispatcher → Journal → the method's part, and
// the reply → JournalSegment. Invariant: a call's key is in the file before the call is served.
import Glibc
import Loop
import Wire

/// The calls that were served, by their keys.
@IO final class Journal {
    /// Serves a call and returns the bytes of its reply.
    typealias Service = @IO @Sendable () async -> [UInt8]

    /// A call that is being served.
    @IO private final class Run {
        let call: JournaledCall
        let reply = Once<[UInt8]>()
        var task: Task<Void, Never>?
        /// How many answers wait for the reply.
        var waiting = 0
        var isGivenUp = false

        init(_ call: JournaledCall) { self.call = call }
    }

    /// The most calls that are served at once: as many as four tunnels carry.
    nonisolated static let runLimit = 4096
    /// The most bytes of replies that are kept in memory because they are not in the file.
    ///
    /// A relay asks again within seconds, and the longest reply has 8 MiB.
    nonisolated static let memoryLimit = 16 << 20

    /// Whether a call waits until the disk has stored its key (`JournalSync`).
    var isSynced = false
    private let folder: String?
    private let log: @IO (String) -> Void
    private var current: JournalSegment
    private var previous: JournalSegment
    private var runs: [JournaledCall.Key: Run] = [:]
    private var kept: [(key: JournaledCall.Key, reply: [UInt8])] = []
    private var keptBytes = 0
    private var failure: String?

    /// The journal of a folder; without one, it is in memory alone.
    init(folder: String? = nil, log: @escaping @IO (String) -> Void = { _ in }) {
        self.folder = folder
        self.log = log
        let now = Self.now
        previous = JournalSegment(folder.map { $0 + Self.older }, now: now)
        current = JournalSegment(folder.map { $0 + Self.newer }, now: now)
        report()
    }

    private static let newer = "/journal"
    private static let older = "/journal.1"

    /// The reply to a call: of an earlier call with its key, or of `prepare`'s service.
    ///
    /// Throws what `prepare` throws, which is not written down; `invalidArgument` if the key was
    /// used for another call; `outcomeUnknown` if the call was begun by a process that was killed,
    /// or if its reply is not kept; `busy` if too many calls are served.
    func reply(
        to call: JournaledCall, _ prepare: @IO () throws(Fault) -> Service
    ) async throws(Fault) -> [UInt8] {
        if let run = runs[call.key] {
            try Self.check(call, run.call.method, run.call.arguments)
            return await wait(for: run)
        }
        if let earlier = try reply(kept: call) { return earlier }
        CrashPoint.reach("agent.new")
        let service = try prepare()
        guard runs.count < Self.runLimit else {
            throw Fault(.busy, "this agent serves \(Self.runLimit) calls: try again in a moment")
        }
        let run = Run(call)
        runs[call.key] = run
        CrashPoint.reach("agent.unwritten")
        await begin(call)
        CrashPoint.reach("agent.written")
        run.task = IO.task {
            CrashPoint.reach("agent.serving")
            let reply = await service()
            CrashPoint.reach("agent.ended")
            self.end(run, reply)
            CrashPoint.reach("agent.replied")
        }
        if run.isGivenUp { run.task?.cancel() }
        return await wait(for: run)
    }

    private func begin(_ call: JournaledCall) async {
        if current.isFull(now: Self.now) { turn() }
        current.begin(call)
        if isSynced { await current.sync() }
        report()
    }

    private func end(_ run: Run, _ reply: [UInt8]) {
        let key = run.call.key
        if !current.end(run.call, reply) {
            kept.append((key, reply))
            keptBytes += reply.count
            while keptBytes > Self.memoryLimit, kept.count > 1 {
                keptBytes -= kept.removeFirst().reply.count
            }
        }
        runs[key] = nil
        report()
        run.reply.set(reply)
    }

    /// Waits for a call's reply; when nobody waits for it any more, the service is cancelled.
    private func wait(for run: Run) async -> [UInt8] {
        run.waiting += 1
        return await withTaskCancellationHandler {
            await run.reply.wait()
        } onCancel: {
            IO.task {
                run.waiting -= 1
                guard run.waiting == 0 else { return }
                run.isGivenUp = true
                run.task?.cancel()
            }
        }
    }

    /// The reply of an earlier call that has ended; nil if there was none.
    private func reply(kept call: JournaledCall) throws(Fault) -> [UInt8]? {
        for segment in [current, previous] {
            guard let entry = segment[call.key] else { continue }
            try Self.check(call, entry.method, entry.arguments)
            if let reply = kept.last(where: { $0.key == call.key })?.reply { return reply }
            switch entry.outcome {
            case .stored(let offset, let count):
                if let reply = segment.reply(at: offset, count: count) { return reply }
                throw Self.unknown("it has ended, and its answer cannot be read from the disk")
            case .left(let count):
                throw Self.unknown("it has ended; its answer of \(count) bytes was not kept")
            case .unknown:
                throw Self.unknown("the agent was ended while it served the call, and restarted")
            }
        }
        return nil
    }

    private static func unknown(_ why: String) -> Fault {
        Fault(
            .outcomeUnknown,
            "This call was begun before and is not begun again: \(why). Look at what it changed, "
                + "then decide whether to make a new call.")
    }

    private static func check(
        _ call: JournaledCall, _ method: String, _ arguments: Int?
    ) throws(Fault) {
        guard method == call.method, arguments == nil || arguments == call.arguments else {
            throw Fault(
                .invalidArgument,
                "the idempotency key of this call belongs to an earlier call with other arguments: "
                    + "use a new key")
        }
    }

    /// Begins the next file; what is being served is in it too.
    private func turn() {
        if let folder { current.move(to: folder + Self.older) }
        previous = current
        current = JournalSegment(folder.map { $0 + Self.newer }, now: Self.now)
        for run in runs.values { current.begin(run.call) }
    }

    /// Logs that the file cannot be written, and that it can again.
    private func report() {
        let failure = current.failure
        guard (failure == nil) != (self.failure == nil) else { return }
        self.failure = failure
        log(
            failure.map { "calls are not protected against a crash of this agent: \($0)" }
                ?? "calls are protected against a crash of this agent again")
    }

    private static var now: Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec)
    }
}
