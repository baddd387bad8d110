// How many bytes a way holds that answers for each of them, by the rate and the round trip that
// were measured. Pure. Invariant: the time that bytes spend in a queue does not count as the way's
// own: the shortest round trip does.

/// What is in flight on a way: to a server and back, or to the other end of a stream.
public struct Flight: Sendable {
    /// The least time over which a rate is measured: some answers of a fast way.
    private static let interval = Duration.milliseconds(20)

    /// Twice the bytes that the way held when it was last measured; 0 before that.
    public private(set) var held = 0
    /// The shortest time from bytes to their answer: nothing of it was spent in a queue.
    private var shortest: Duration?
    private var begun: ContinuousClock.Instant?
    private var answered = 0

    /// Nothing was measured yet.
    public init() {}

    /// Counts bytes that were answered for; `roundTrip` is the time since they were sent, where it
    /// is known.
    public mutating func answered(
        _ count: Int, after roundTrip: Duration?, at now: ContinuousClock.Instant
    ) {
        if let roundTrip { shortest = min(shortest ?? roundTrip, roundTrip) }
        guard let begun, let shortest else { return begun = now }
        answered += count
        let passed = now - begun
        guard passed >= max(shortest, Self.interval) else { return }
        held = Int(2 * Double(answered) * (shortest / passed))
        self.begun = now
        answered = 0
    }
}
