// Ends an agent whose relay has been away for a time: one that lives with its relay
// (`homeline-relay local`). Flow: Uplink's state → here → the agent's end.
// Invariant: at most one timer runs, and none while there is a connection.
import Loop

/// The time without a relay.
@IO final class Orphanhood {
    private let limit: Duration
    private let end: @IO () -> Void
    private var timer: LoopTimer?

    /// Counts from now on; with a limit of zero it never ends.
    init(after limit: Duration, _ end: @escaping @IO () -> Void) {
        (self.limit, self.end) = (limit, end)
        left()
    }

    /// There is a connection.
    func came() {
        timer?.cancel()
        timer = nil
    }

    /// There is none any more, or still none.
    func left() {
        guard limit > .zero, timer == nil else { return }
        timer = LoopTimer(after: limit) { [end] in end() }
    }
}
