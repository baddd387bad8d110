// The TLS handshakes that are under way: when a whole fleet dials at once, more connections are
// accepted only as fast as handshakes end. The others wait in the system's queue, where they cost
// nothing, instead of all being too late together. Pure.
// Invariant: a handshake whose peer says no more counts for half a second alone, so that strangers
// cannot keep agents out.
import Loop

/// The handshakes that have begun and not ended: a value without a clock.
struct OpenHandshakes {
    /// How many there may be before no more connections are accepted: at 0.3 s for a round trip, a
    /// relay that is not busy still admits 400 agents a second.
    static let limit = 128
    /// How long one counts: longer than most round trips.
    static let memory = Duration.milliseconds(500)

    /// In the order of their beginning.
    private var open: [(number: Int, begun: ContinuousClock.Instant)] = []

    /// A connection's handshake begins.
    mutating func begin(_ number: Int, at now: ContinuousClock.Instant) {
        open.append((number, now))
    }

    /// It has ended, or the connection has.
    mutating func end(_ number: Int) { open.removeAll { $0.number == number } }

    /// Whether more connections should wait.
    mutating func isCrowded(at now: ContinuousClock.Instant) -> Bool {
        open.removeFirst(open.prefix { now - $0.begun >= Self.memory }.count)
        return open.count >= Self.limit
    }
}
