// Waiting with the loop's own timers: sleeping, and waiting for an operation up to a limit.
// Task.sleep would hold its timer on another thread.

extension IO {
    /// Waits for a time; throws at once when the task is cancelled.
    @IO public static func sleep(for duration: Duration) async throws(CancellationError) {
        let slept = Once<Bool>()
        let timer = LoopTimer(after: duration) { slept.set(true) }
        let isOver = await withTaskCancellationHandler {
            await slept.wait()
        } onCancel: {
            IO.task { slept.set(false) }
        }
        timer.cancel()
        if !isOver { throw CancellationError() }
    }

    /// The operation's value, or nil when the limit passed (or the caller was cancelled) first.
    ///
    /// The operation's task is then cancelled, and is not waited for.
    @IO public static func within<T: Sendable>(
        _ limit: Duration, _ operation: @escaping @IO @Sendable () async -> T
    ) async -> T? {
        let outcome = Once<T?>()
        let task = IO.task { outcome.set(await operation()) }
        let timer = LoopTimer(after: limit) { outcome.set(nil) }
        let value = await withTaskCancellationHandler {
            await outcome.wait()
        } onCancel: {
            IO.task { outcome.set(nil) }
        }
        timer.cancel()
        if value == nil { task.cancel() }
        return value
    }
}
