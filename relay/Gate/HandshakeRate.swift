// How many TLS handshakes an address may begin. A handshake costs the relay a signature, some 0.3
// ms, and its sender nothing: a recorded first message is enough. Pure.
// Invariant: an address that was quiet has its burst; what is kept is bounded.
import Loop

/// The handshakes that addresses have left: a value without a clock.
struct HandshakeRate {
    /// Handshakes at once: as many as an address has places in the waiting room.
    static let burst = Admissions.share
    /// Handshakes per second after that: 0.5 % of a core, and a site whose agents share an address
    /// has all of them back in seconds.
    static let perSecond = 16
    /// The most addresses that are kept.
    static let keptLimit = Rates.keptLimit

    private var rates = Rates(
        each: Rate(burst: HandshakeRate.burst, perSecond: HandshakeRate.perSecond))

    /// The addresses that are kept now.
    var kept: Int { rates.kept }

    /// Whether an address may begin a handshake now; without an address there is no limit.
    mutating func admits(_ address: String?, at now: ContinuousClock.Instant) -> Bool {
        guard let address else { return true }
        return rates.admits(address, at: now)
    }
}
