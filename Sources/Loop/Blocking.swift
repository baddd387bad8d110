// Work that blocks or burns CPU, on libuv's worker pool, so that the loop never waits for it.
internal import CUV

/// Runs work off the loop.
public enum Blocking {
    /// The length in bytes above which a text is read or written on a worker thread.
    ///
    /// A text of this length takes less than a millisecond on the loop.
    public static let long = 64 << 10

    /// Runs work on a text of `bytes` bytes: on a worker thread if the text is longer than `long`,
    /// otherwise at once.
    @IO public static func run<T: Sendable>(
        ifLong bytes: Int, _ work: @escaping @Sendable () -> T
    ) async -> T { bytes > long ? await run(work) : work() }

    /// Runs `work` on a worker thread and returns its value on the loop.
    @IO public static func run<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
        await withUnsafeContinuation { continuation in
            Work {
                let value = work()
                return { continuation.resume(returning: value) }
            }.start()
        }
    }
}

/// One piece of work: `body` runs on the pool, what it returns on the loop.
///
/// Unchecked, as libuv orders the two: `finish` is written on the pool and read on the loop
/// after the pool has handed the request over, never at once.
private final class Work: @unchecked Sendable {
    private let body: @Sendable () -> () -> Void
    private var finish: (() -> Void)?
    private let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)

    init(_ body: @escaping @Sendable () -> () -> Void) { self.body = body }

    @IO func start() {
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        uv_queue_work(IO.loop.raw, request, Self.work, Self.afterWork)
    }

    // Defined outside any isolation: a closure written inside `start` would count as @IO.
    private static let work: uv_work_cb = { request in
        guard let data = request?.pointee.data else { return }
        let me = Unmanaged<Work>.fromOpaque(data).takeUnretainedValue()
        me.finish = me.body()
    }

    private static let afterWork: uv_after_work_cb = { request, _ in
        guard let data = request?.pointee.data else { return }
        let me = Unmanaged<Work>.fromOpaque(data).takeRetainedValue()
        me.request.deallocate()
        me.finish?()
    }
}
