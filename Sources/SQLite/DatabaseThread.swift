// The thread on which one database's work runs, so that a slow disk never blocks the loop.
// Invariant: jobs run one at a time in the order given; the thread ends with its last owner.

internal import Glibc

/// A serial executor with its own thread.
final class DatabaseThread: SerialExecutor {
    private let jobs = JobQueue()

    init() {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 512 << 10)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var id = pthread_t()
        let code = pthread_create(
            &id, &attributes,
            { context in
                guard let context else { return nil }
                let jobs = Unmanaged<JobQueue>.fromOpaque(context).takeRetainedValue()
                jobs.runUntilClosed()
                return nil
            }, Unmanaged.passRetained(jobs).toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "no thread for the database")
    }

    deinit { jobs.close() }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.add(UnownedJob(job), for: self)
    }

    /// Whether the caller runs on this thread.
    var isCurrent: Bool { jobs.isCurrentThread }

    func checkIsolated() {
        precondition(isCurrent, "work of a database runs off its thread")
    }
}

/// The jobs waiting for the thread, and the thread's loop over them.
private final class JobQueue: @unchecked Sendable {
    // One mutex guards every field; the condition wakes the thread.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let news = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Each job keeps a reference to the executor, which therefore outlives the last job.
    private var waiting: [(job: UnownedJob, executor: DatabaseThread)] = []
    private var isClosed = false
    private var thread: pthread_t?

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(news, nil)
    }

    deinit {
        pthread_cond_destroy(news)
        pthread_mutex_destroy(mutex)
        news.deallocate()
        mutex.deallocate()
    }

    func add(_ job: UnownedJob, for executor: DatabaseThread) {
        locked { waiting.append((job, executor)) }
        pthread_cond_signal(news)
    }

    func close() {
        locked { isClosed = true }
        pthread_cond_signal(news)
    }

    var isCurrentThread: Bool {
        locked { thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    func runUntilClosed() {
        locked { thread = pthread_self() }
        while let batch = next() {
            for (job, executor) in batch {
                job.runSynchronously(on: executor.asUnownedSerialExecutor())
            }
        }
    }

    /// Waits for jobs; nil once closed and empty.
    private func next() -> [(job: UnownedJob, executor: DatabaseThread)]? {
        locked {
            while waiting.isEmpty && !isClosed { pthread_cond_wait(news, mutex) }
            guard !waiting.isEmpty else { return nil }
            defer { waiting = [] }
            return waiting
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
