// Waiting on the loop's own clock: sleep, and a limit on how long an operation is waited for.
// Task.sleep would hold its timer on another thread.

extension IO {
    /// Waits for a time; throws at once when the task is cancelled.
    @IO public static func sleep(for duration: Duration) async throws(CancellationError) {
        let wait = Wait<Bool>()
        let slept = await withTaskCancellationHandler {
            await wait.value { LoopTimer(after: duration) { wait.finish(true) } }
        } onCancel: {
            IO.task { wait.finish(false) }
        }
        if !slept { throw CancellationError() }
    }

    /// The operation's value, or nil when the limit passed (or the caller was cancelled) first.
    ///
    /// The operation's task is then cancelled, and is not waited for.
    @IO public static func within<T: Sendable>(
        _ limit: Duration, _ operation: @escaping @IO @Sendable () async -> T
    ) async -> T? {
        let wait = Wait<T?>()
        let task = IO.task { wait.finish(await operation()) }
        let value = await withTaskCancellationHandler {
            await wait.value { LoopTimer(after: limit) { wait.finish(nil) } }
        } onCancel: {
            IO.task { wait.finish(nil) }
        }
        if value == nil { task.cancel() }
        return value
    }
}

/// One value that one task waits for; the first to finish it wins.
@IO final class Wait<T: Sendable> {
    private var continuation: UnsafeContinuation<T, Never>?
    private var result: T?
    private var timer: LoopTimer?

    func value(_ makeTimer: @IO () -> LoopTimer) async -> T {
        if let result { return result }
        timer = makeTimer()
        return await withUnsafeContinuation { continuation = $0 }
    }

    func finish(_ value: T) {
        guard result == nil else { return }
        result = value
        timer?.cancel()
        timer = nil
        continuation?.resume(returning: value)
        continuation = nil
    }
}
