// The tasks that wait for a change at a terminal, or for its output too. Invariant: a wait ends
// with its deadline or its caller's cancellation, whatever the terminal does.
import Loop

/// Wakes the tasks that wait for a terminal.
@IO final class Waiters {
    private let changed = Condition()
    private let hasOutput = Condition()

    /// Waits until `isOver`, the deadline or the caller's cancellation, whichever is first; a wait
    /// that the client asked for (`asAsked`) ends with the client's patience as well.
    func wait(
        until deadline: ContinuousClock.Instant, orOutput: Bool = false, asAsked: Bool = false,
        _ isOver: @IO () -> Bool
    ) async {
        await (orOutput ? hasOutput : changed).wait(until: deadline, asAsked: asAsked, isOver)
    }

    /// Wakes the tasks that wait for a change.
    func wake() { changed.broadcast() }

    /// Wakes the tasks that wait for output too.
    func wakeForOutput() { hasOutput.broadcast() }

    /// Wakes all tasks.
    func wakeAll() {
        wake()
        wakeForOutput()
    }
}
