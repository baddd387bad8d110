// How often each of many may do something: an address, a name. Pure. Invariant: who was quiet has
// the whole burst; what is kept is bounded, and those with a whole burst are forgotten first.

/// The rates of many, each by a name: a value without a clock.
public struct Rates: Sendable {
    private let burst, perSecond, limit: Int
    private var rates: [String: Rate] = [:]

    /// Allows each name `burst` at once, and `perSecond` a second after that; `kept` names are
    /// remembered, 100 bytes each.
    ///
    /// Beyond it, those with a full burst are forgotten, and then all.
    public init(burst: Int, perSecond: Int, kept: Int) {
        (self.burst, self.perSecond, limit) = (burst, perSecond, kept)
    }

    /// The names that are remembered now.
    public var kept: Int { rates.count }

    /// Whether it may happen now for a name; if so, it counts.
    public mutating func admits(_ name: String, at now: ContinuousClock.Instant) -> Bool {
        if rates.count >= limit, rates[name] == nil { forget(now) }
        return rates[name, default: Rate(burst: burst, perSecond: perSecond)].admits(at: now)
    }

    private mutating func forget(_ now: ContinuousClock.Instant) {
        rates = rates.filter { !$0.value.isFull(at: now) }
        if rates.count >= limit { rates = [:] }
    }
}
