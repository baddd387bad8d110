// How often something may happen: a burst at once, then a number per second. Flow: whoever does the
// thing asks here first, with the time. Pure. Invariant: no span of time has more than the burst
// and what its seconds allow.

/// What is left of a burst that fills up again: a value without a clock.
public struct Rate: Sendable {
    private let burst, perSecond: Double
    private var left: Double
    private var since: ContinuousClock.Instant?

    /// Allows `burst` at once, and `perSecond` a second after that.
    public init(burst: Int, perSecond: Int) {
        (self.burst, self.perSecond) = (Double(burst), Double(perSecond))
        left = Double(burst)
    }

    /// Allows `burst` at once, and one in each `time` after that.
    public init(burst: Int, each time: Duration) {
        (self.burst, perSecond) = (Double(burst), .seconds(1) / time)
        left = Double(burst)
    }

    /// Whether it may happen now; if so, it counts.
    public mutating func admits(at now: ContinuousClock.Instant) -> Bool {
        (left, since) = (left(at: now), now)
        guard left >= 1 else { return false }
        left -= 1
        return true
    }

    /// Counts `amount` that happened anyway; what goes beyond the burst has to be waited for.
    public mutating func charge(_ amount: Int, at now: ContinuousClock.Instant) {
        (left, since) = (left(at: now) - Double(amount), now)
    }

    /// Whether the whole burst is left, as if nothing had happened yet.
    public func isFull(at now: ContinuousClock.Instant) -> Bool { left(at: now) >= burst }

    /// The time until it may happen again, as of the last question.
    public var wait: Duration { .seconds(max(0, 1 - left) / perSecond) }

    private func left(at now: ContinuousClock.Instant) -> Double {
        guard let since else { return left }
        return min(burst, left + (now - since) / .seconds(1) * perSecond)
    }
}
