// How often strangers may try something that costs the relay work or could be guessed: logins,
// links, whatever else a page offers to those who are not logged in. Flow: a page's handler asks
// here first. Invariant: what one address does, and what all do together, is bounded; what is kept
// of them is, too.
import HTTP
import Loop

/// Attempts of strangers.
@IO final class Attempts {
    /// Attempts of one address at once: an office behind one address logs in together.
    nonisolated static let burst = 20
    /// Attempts of one address per second after that.
    nonisolated static let perSecond = 1
    /// Attempts of all addresses at once, and per second after that: each costs up to a millisecond
    /// (a signature, some queries), so this is 5 % of a core.
    nonisolated static let burstOfAll = 500
    nonisolated static let perSecondOfAll = 50
    /// Addresses that are remembered.
    nonisolated static let kept = 4096

    private var each = Rates(burst: burst, perSecond: perSecond, kept: kept)
    private var all = Rate(burst: burstOfAll, perSecond: perSecondOfAll)

    nonisolated init() {}

    /// Whether the sender of a request may try now; if so, it counts.
    ///
    /// A web server on this machine sends everybody's requests: its own count in all alone.
    func admits(_ request: HTTPRequest, at now: ContinuousClock.Instant = IO.now) -> Bool {
        if let subscriber = request.peerAddress?.subscriber, !each.admits(subscriber, at: now) {
            return false
        }
        return all.admits(at: now)
    }
}
