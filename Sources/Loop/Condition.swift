// Lets tasks wait until some state is reached (POSIX's condition variable, for tasks).
// Invariant: every wait ends, at the latest at its deadline.

/// Lets tasks wait until a state is reached.
@IO public final class Condition {
    private var waiting: [Once<Void>] = []

    /// A condition without waiters.
    public nonisolated init() {}

    /// Waits until `isReached`, the deadline or the caller's cancellation, whichever is first.
    ///
    /// `isReached` is evaluated at the start and after every `broadcast`. A wait that the task's
    /// client asked for (`asAsked`) ends with the client's patience as well.
    public func wait(
        until deadline: ContinuousClock.Instant, asAsked: Bool = false, _ isReached: @IO () -> Bool
    ) async {
        let patience = asAsked ? TaskPatience.current : nil
        // Nothing is awaited between the check and the registration, so that no change is missed.
        while !isReached(), !Task.isCancelled, IO.now < deadline, patience?.isOver != true {
            let change = Once<Void>()
            waiting.append(change)
            patience?.wakes(change)
            let timer = LoopTimer(after: max(.zero, deadline - IO.now)) { change.set(()) }
            await withTaskCancellationHandler {
                await change.wait()
            } onCancel: {
                IO.task { change.set(()) }
            }
            timer.cancel()
            patience?.forgets(change)
            waiting.removeAll { $0 === change }
        }
    }

    /// Has all who wait evaluate their `isReached` again.
    public func broadcast() {
        let woken = waiting
        waiting = []
        for change in woken { change.set(()) }
    }
}
