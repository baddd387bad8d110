// libuv on its own thread, as Swift's executor: every @IO job and every I/O callback runs here.
// Below everything that does I/O. A turn serves timers and workers, then jobs, then whatever
// descriptors are ready. Invariant: nothing on this thread blocks, and each of these parts of a
// turn is bounded in time, so that the descriptors are polled again within milliseconds.
public import CUV
import Glibc
import Synchronization

/// Something that flushes its output once at the end of a turn, however often it was asked.
public protocol Flushable: AnyObject {
    /// Called on the loop thread when the turn's jobs have run.
    @IO func flushTurn()
}

/// A libuv loop that is both serial executor (of `IO`) and task executor (of its tasks), so that
/// neither a call nor a resumed continuation leaves the thread.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// How often work was queued, for the test that limits the executor's cost.
    public struct Counts: Sendable {
        /// Jobs queued from the loop's own thread.
        public var own = 0
        /// Jobs queued from other threads.
        public var foreign = 0
        /// Times another thread had to wake the poll.
        public var wakes = 0
    }

    /// The C loop (`uv_loop_t`); only the loop thread may use it.
    public let raw: UnsafeMutablePointer<uv_loop_t>
    private let wake: UnsafeMutablePointer<uv_async_t>
    private let inbox = Locked<(jobs: [UnownedJob], foreign: Int, wakes: Int)>(([], 0, 0))
    private let thread = Atomic<UInt>(0)
    /// Whether the thread is to rest, and does.
    private let rest = Atomic<Int>(Rest.none)

    private enum Rest {
        static let none = 0, wanted = 1, begun = 2
    }

    // Used only by the loop thread.
    private var ready: [UnownedJob] = []
    private var running: [UnownedJob] = []
    private var arrived: [UnownedJob] = []
    private var dirty: [any Flushable] = []
    private var flushing: [any Flushable] = []
    private var ownCount = 0
    /// How often the descriptors have been polled; wraps around.
    @IO public private(set) var turn: UInt = 0
    private var pace = Pace()

    /// Nanoseconds of jobs between two polls of the descriptors: 4 ms, so that a flood of jobs does
    /// not keep received bytes waiting for longer.
    private static let jobTime: UInt64 = 4_000_000
    /// Jobs between two readings of the clock: a usual job takes a few microseconds, so that 64
    /// take well under 1 ms.
    private static let jobsPerLook = 64
    /// Workers whose work does not fit into one turn.
    let workers: Workers

    init() {
        signal(SIGPIPE, SIG_IGN)
        // DNS and blocking work share libuv's pool, whose default of 4 threads a single dead
        // resolver would use up.
        setenv("UV_THREADPOOL_SIZE", "16", 0)
        raw = .allocate(capacity: 1)
        wake = .allocate(capacity: 1)
        // Owned by the C loop, which is never closed.
        let before = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
        let after = UnsafeMutablePointer<uv_check_t>.allocate(capacity: 1)
        uv_loop_init(raw)
        workers = Workers(raw)
        raw.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        uv_async_init(raw, wake) { EventLoop.owner(of: $0?.pointee.loop)?.restIfWanted() }
        uv_prepare_init(raw, before)
        uv_check_init(raw, after)
        // Both sides of the poll: a job made by a callback runs before the next poll.
        uv_prepare_start(before) {
            guard let loop = EventLoop.owner(of: $0?.pointee.loop) else { return }
            loop.drain()
            loop.pace.beforePoll(loop.raw)
        }
        uv_check_start(after) {
            guard let loop = EventLoop.owner(of: $0?.pointee.loop) else { return }
            IO.assume { loop.turn &+= 1 }
            loop.pace.afterPoll()
            loop.drain()
        }
    }

    /// Starts the thread that runs the loop for as long as the process lives.
    func start() {
        var handle = pthread_t()
        let me = Unmanaged.passUnretained(self).toOpaque()
        pthread_create(
            &handle, nil,
            { context in
                guard let context else { return nil }
                let loop = Unmanaged<EventLoop>.fromOpaque(context).takeUnretainedValue()
                loop.thread.store(UInt(pthread_self()), ordering: .releasing)
                uv_run(loop.raw, UV_RUN_DEFAULT)
                return nil
            }, me)
        atexit { IO.loop.stopForExit() }
    }

    private static func owner(of loop: UnsafeMutablePointer<uv_loop_t>?) -> EventLoop? {
        guard let data = loop?.pointee.data else { return nil }
        return Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue()
    }

    /// Has the loop's thread rest before another thread ends the process.
    ///
    /// Then libuv closes what the loop waits with, and aborts the process if it still waits.
    private func stopForExit() {
        guard !isCurrent else { return }
        rest.store(Rest.wanted, ordering: .releasing)
        uv_async_send(wake)
        // A callback takes some milliseconds; one that hangs must not hold up the end.
        for _ in 0..<500 where rest.load(ordering: .acquiring) != Rest.begun { usleep(1000) }
    }

    private func restIfWanted() {
        guard rest.load(ordering: .acquiring) == Rest.wanted else { return }
        rest.store(Rest.begun, ordering: .releasing)
        while true { pause() }
    }

    /// Whether the caller is the loop thread.
    public var isCurrent: Bool { thread.load(ordering: .acquiring) == UInt(pthread_self()) }

    /// The counts so far; call it from the loop thread.
    @IO public var counts: Counts {
        let (foreign, wakes) = inbox.withLock { ($0.foreign, $0.wakes) }
        return Counts(own: ownCount, foreign: foreign, wakes: wakes)
    }

    /// Asks for `target.flushTurn()` at the end of this turn; the target must ask once per turn.
    @IO public func flushAtEndOfTurn(_ target: any Flushable) { dirty.append(target) }

    /// Asks for `worker.work()` in the next turn, after those already waiting; ask once per turn.
    ///
    /// Patient workers run after all others; at least one of them runs in every turn.
    @IO public func workLater(_ worker: any Worker, isPatient: Bool = false) {
        workers.add(worker, isPatient: isPatient)
    }

    // MARK: Executor

    /// Queues a job (SerialExecutor, TaskExecutor).
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            ownCount += 1
            ready.append(job)
            return
        }
        let first = inbox.withLock { inbox in
            inbox.jobs.append(job)
            inbox.foreign += 1
            guard inbox.jobs.count == 1 else { return false }
            inbox.wakes += 1
            return true
        }
        if first { uv_async_send(wake) }
    }

    /// Traps unless the caller is the loop thread (SerialExecutor).
    public func checkIsolated() { precondition(isCurrent, "not on the loop thread") }

    /// Whether the caller is the loop thread (SerialExecutor).
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private func drain() {
        let serial = asUnownedSerialExecutor()
        let task = asUnownedTaskExecutor()
        inbox.withLock { swap(&$0.jobs, &arrived) }
        if !arrived.isEmpty {
            ready.append(contentsOf: arrived)
            arrived.removeAll(keepingCapacity: true)
        }
        let end = ready.isEmpty && dirty.isEmpty ? 0 : Slice.now + Self.jobTime
        var isOver = false
        repeat {
            while !ready.isEmpty && !isOver {
                swap(&ready, &running)
                var count = 0
                for job in running {
                    unsafe job.runSynchronously(isolatedTo: serial, taskExecutor: task)
                    count += 1
                    if count % Self.jobsPerLook == 0, Slice.now >= end { break }
                }
                // The remaining jobs run before those that these jobs have queued.
                if count < running.count { ready.insert(contentsOf: running[count...], at: 0) }
                running.removeAll(keepingCapacity: true)
                isOver = Slice.now >= end
            }
            guard !dirty.isEmpty else { break }
            swap(&dirty, &flushing)
            IO.assume { for target in flushing { target.flushTurn() } }
            flushing.removeAll(keepingCapacity: true)
            isOver = Slice.now >= end
        } while !isOver
        // Out of time: serve the descriptors next, without sleeping in the poll.
        if !ready.isEmpty || !dirty.isEmpty { uv_async_send(wake) }
    }
}
