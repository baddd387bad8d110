// How many bytes a way holds that answers for each of them, by the rate and the round trip that
// were measured. Pure. Invariant: the time that bytes spend in a queue does not count as the way's
// own: the shortest round trip does.

/// What is in flight on a way: to a server and back, or to the other end of a stream.
public struct Flight: Sendable {
    /// The least time over which a rate is measured: some answers of a fast way.
    private static let interval = Duration.milliseconds(20)

    /// How long a shortest time counts: a way may change, and be longer from then on.
    private static let memory = Duration.seconds(10)
    /// Time without an answer after which a rate is measured anew: nothing was to be answered, as
    /// no way takes that long.
    private static let pause = Duration.seconds(5)

    /// Twice the bytes that the way held when it was last measured; 0 before that.
    public private(set) var held = 0
    /// The shortest times from bytes to their answer, in this span of `memory` and in the one
    /// before: nothing of them was spent in a queue.
    private var trips: (now: Duration?, before: Duration?) = (nil, nil)
    private var spanEnd: ContinuousClock.Instant?
    private var heard: ContinuousClock.Instant?
    private var begun: ContinuousClock.Instant?
    private var answered = 0

    /// Nothing was measured yet.
    public init() {}

    /// Counts bytes that were answered for; `roundTrip` is the time since they were sent, where it
    /// is known.
    public mutating func answered(
        _ count: Int, after roundTrip: Duration?, at now: ContinuousClock.Instant
    ) {
        if now >= spanEnd ?? now {
            (trips, spanEnd) = ((nil, trips.now ?? trips.before), now + Self.memory)
        }
        if let roundTrip { trips.now = min(trips.now ?? roundTrip, roundTrip) }
        let isPaused = now - (heard ?? now) > Self.pause
        heard = now
        let shortest = [trips.now, trips.before].compactMap(\.self).min()
        guard let start = begun, let shortest, !isPaused else {
            (begun, answered) = (now, 0)
            return
        }
        answered += count
        let passed = now - start
        guard passed >= max(shortest, Self.interval) else { return }
        held = Int(2 * Double(answered) * (shortest / passed))
        begun = now
        answered = 0
    }
}
