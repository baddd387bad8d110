// Those who wait for a terminal: for what it does, or for its output too. Invariant: a wait ends with
// its deadline or its caller's cancellation, whatever the terminal does.
import Loop

/// Wakes whoever waits for a terminal.
@IO final class Waiters {
    private let changed = Condition()
    private let hasOutput = Condition()

    /// Waits until `isOver`, the deadline or the caller's cancellation, whichever is first.
    func wait(
        until deadline: ContinuousClock.Instant, orOutput: Bool = false, _ isOver: @IO () -> Bool
    ) async {
        while !isOver(), !Task.isCancelled, IO.now < deadline {
            await (orOutput ? hasOutput : changed).wait(until: deadline)
        }
    }

    /// Those look again who wait for what the terminal does.
    func wake() { changed.broadcast() }

    /// Those look again who wait for output too.
    func wakeForOutput() { hasOutput.broadcast() }

    /// All look again.
    func wakeAll() {
        wake()
        wakeForOutput()
    }
}
