// The agents that are arriving: from the connection to the welcome. When a whole fleet dials at
// once, more connections are accepted only as fast as these end. The others wait in the system's
// queue, where they cost nothing, instead of all being late together, or closing one another. Pure.
// Invariant: a connection that makes no progress counts for half a second alone, so that strangers
// cannot keep agents out.
import Loop

/// The connections on their way to the welcome: a value without a clock.
struct Arrivals {
    /// How many there may be before no more connections are accepted: half of the places, so that
    /// none is closed for another.
    ///
    /// At 0.3 s for an arrival, a relay that is not busy still admits
    /// 800 agents a second.
    static let limit = Admissions.places / 2
    /// How long one counts after its last progress: longer than most round trips.
    static let memory = Duration.milliseconds(500)

    /// In the order of their last progress.
    private var underWay: [(number: Int, progress: ContinuousClock.Instant)] = []

    /// A connection was accepted, or has begun its handshake, or completed it.
    mutating func progress(_ number: Int, at now: ContinuousClock.Instant) {
        end(number)
        underWay.append((number, now))
    }

    /// It has arrived, or is gone.
    mutating func end(_ number: Int) { underWay.removeAll { $0.number == number } }

    /// Whether more connections should wait.
    mutating func isCrowded(at now: ContinuousClock.Instant) -> Bool {
        underWay.removeFirst(underWay.prefix { now - $0.progress >= Self.memory }.count)
        return underWay.count >= Self.limit
    }
}
