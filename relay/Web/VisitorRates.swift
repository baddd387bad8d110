// How often strangers may ask for something that costs the relay work or room: each address, and
// all of them together. Pure. Flow: a handler asks here first, with the time.
// Invariant: an address that was quiet has its burst, as long as all together have not used up
// theirs; what is kept is bounded.
import Loop

/// What addresses have left of something: a value without a clock.
struct VisitorRates: Sendable {
    /// Addresses that are kept: 100 bytes each.
    ///
    /// Beyond it, those with a full burst are forgotten, and then all.
    static let keptLimit = 4096

    private let each: Rate
    private var all: Rate
    private var rates: [String: Rate] = [:]

    /// Allows `each` to an address, and `all` to everybody together.
    init(each: Rate, all: Rate) { (self.each, self.all) = (each, all) }

    /// Whether this address may now; nil, this machine, has what all together have.
    mutating func admits(_ address: String?, at now: ContinuousClock.Instant) -> Bool {
        if let address {
            if rates.count >= Self.keptLimit, rates[address] == nil { forget(now) }
            let whole = each
            guard rates[address, default: whole].admits(at: now) else { return false }
        }
        return all.admits(at: now)
    }

    private mutating func forget(_ now: ContinuousClock.Instant) {
        rates = rates.filter { !$0.value.isFull(at: now) }
        if rates.count >= Self.keptLimit { rates = [:] }
    }
}
