// Whether the loop looks a moment longer before it sleeps. Waking an idle core costs 30-50 µs on
// many machines, more than a whole turn; where waits have been shorter than that, looking is faster.
// Invariant: at most 50 µs before a sleep, and none until four waits in a row were short.
internal import CUV
import Glibc

/// The rhythm of the loop's waits.
struct Pace {
    /// How long the descriptors are looked at before the loop sleeps, in ns.
    private static let patience: UInt64 = 50_000
    /// A wait up to this long is short, in ns; it holds the waking itself.
    private static let short: UInt64 = 120_000
    private static let shortWaitsNeeded = 4

    private var began: UInt64 = 0
    private var shortWaits = 0

    /// Returns when something is there or patience is over; at once while waits are long.
    mutating func beforePoll(_ loop: UnsafeMutablePointer<uv_loop_t>) {
        began = uv_hrtime()
        guard shortWaits >= Self.shortWaitsNeeded, uv_backend_timeout(loop) != 0 else { return }
        var entry = pollfd(fd: uv_backend_fd(loop), events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, 0) == 0 {
            guard uv_hrtime() - began < Self.patience else {
                // Looked in vain: this rhythm is over.
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
