// How often strangers may ask for something that costs the relay work or room: each address, and
// all of them together. Pure. Flow: a handler asks here first, with the time.
// Invariant: an address that was quiet has its burst, as long as all together have not used up
// theirs; what is kept is bounded.
import Loop

/// What addresses have left of something: a value without a clock.
struct VisitorRates: Sendable {
    private var each: Rates
    private var all: Rate

    /// Allows `each` to an address, and `all` to everybody together.
    init(each: Rate, all: Rate) { (self.each, self.all) = (Rates(each: each), all) }

    /// Whether this address may now; if so, it counts.
    ///
    /// Nil, this machine, has what all together have.
    mutating func admits(_ address: String?, at now: ContinuousClock.Instant) -> Bool {
        if let address, !each.admits(address, at: now) { return false }
        return all.admits(at: now)
    }
}
