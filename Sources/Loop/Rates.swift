// How often something may happen for each of many: one rate for each name, such as an address.
// Pure. Flow: whoever does the thing asks here first, with the name and the time. Invariant: a name
// that was quiet has its burst; what is kept is bounded.

/// What each name has left of a burst: a value without a clock.
public struct Rates: Sendable {
    /// The most names that are kept: 100 bytes each.
    ///
    /// Beyond it, those with a full burst are forgotten, and then all.
    public static let keptLimit = 4096

    private let whole: Rate
    private var rates: [String: Rate] = [:]

    /// Allows `each` to every name.
    public init(each: Rate) { whole = each }

    /// The number of names that are kept now.
    public var kept: Int { rates.count }

    /// Whether it may happen for this name now; if so, it counts.
    public mutating func admits(_ name: String, at now: ContinuousClock.Instant) -> Bool {
        if rates.count >= Self.keptLimit, rates[name] == nil { forget(now) }
        var rate = rates[name] ?? whole
        defer { rates[name] = rate }
        return rate.admits(at: now)
    }

    private mutating func forget(_ now: ContinuousClock.Instant) {
        rates = rates.filter { !$0.value.isFull(at: now) }
        if rates.count >= Self.keptLimit { rates = [:] }
    }
}
