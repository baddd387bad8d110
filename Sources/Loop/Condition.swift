// Lets tasks wait for the next change of some state (POSIX's condition variable, for tasks).
// Invariant: every wait ends, at the latest at its deadline.

/// Lets tasks wait for a change.
///
/// A waiting task checks the state before and after waiting, so that it misses no change.
@IO public final class Condition {
    private var waiting: [Once<Void>] = []

    /// A condition without waiters.
    public nonisolated init() {}

    /// Waits for the next change, the deadline or the caller's cancellation, whichever is first.
    public func wait(until deadline: ContinuousClock.Instant) async {
        let change = Once<Void>()
        waiting.append(change)
        let timer = LoopTimer(after: max(.zero, deadline - IO.now)) { change.set(()) }
        await withTaskCancellationHandler {
            await change.wait()
        } onCancel: {
            IO.task { change.set(()) }
        }
        timer.cancel()
        waiting.removeAll { $0 === change }
    }

    /// Wakes all who wait.
    public func broadcast() {
        let woken = waiting
        waiting = []
        for change in woken { change.set(()) }
    }
}
