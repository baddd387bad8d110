// Whether the loop polls for a moment before it sleeps. Waking an idle core costs 30-50 µs on many
// machines, more than a whole turn; if recent waits were shorter than that, polling is faster.
// Invariant: it polls for at most 50 µs before a sleep, and not at all until four waits in a row
// were short.
internal import CUV
import Glibc

/// The rhythm of the loop's waits.
struct Pace {
    /// How long the descriptors are polled before the loop sleeps, in ns: what waking the core
    /// costs.
    private static let patience: UInt64 = 50_000
    /// A wait up to this long counts as short, in ns; it includes the wake-up itself.
    private static let short: UInt64 = 120_000
    /// Short waits in a row before the loop polls: one alone does not show a busy connection.
    private static let shortWaitsNeeded = 4

    private var began: UInt64 = 0
    private var shortWaits = 0

    /// Returns when something is ready or `patience` is over; at once while waits are long.
    mutating func beforePoll(_ loop: UnsafeMutablePointer<uv_loop_t>) {
        began = uv_hrtime()
        guard shortWaits >= Self.shortWaitsNeeded, uv_backend_timeout(loop) != 0 else { return }
        var entry = pollfd(fd: uv_backend_fd(loop), events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, 0) == 0 {
            guard uv_hrtime() - began < Self.patience else {
                // Nothing came: this run of short waits is over.
                shortWaits = 0
                return
            }
        }
    }

    /// Learns from the wait that is over.
    mutating func afterPoll() {
        shortWaits = uv_hrtime() - began < Self.short ? min(shortWaits + 1, 1000) : 0
    }
}
