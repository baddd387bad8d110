// A state that changes now and then, and those who wait for its next change (POSIX's condition
// variable, for tasks). Invariant: every wait ends, at the latest with its deadline.

/// Lets tasks wait for a change.
///
/// Whoever waits looks at the state before and again after: no change between the two is missed.
@IO public final class Condition {
    private var waiting: [Once<Void>] = []

    /// Nobody waits.
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
