// The states that were used up, so that none counts twice. Pure. Flow: ask(once:) → spend.
// Invariant: bounded for each principal, so that none can refuse the others; at its limit a state
// is refused rather than forgotten, and what has expired is forgotten.

struct SpentStates {
    private let mostPerPrincipal: Int
    /// When each used state expires, by its principal and its nonce.
    private var expiries: [String: [String: Int64]] = [:]
    private var sweepAt: Int64 = 0

    /// How often, in seconds, what has expired is looked for: a tenth of the longest life.
    private static let sweepInterval: Int64 = 60

    init(mostPerPrincipal: Int) { self.mostPerPrincipal = mostPerPrincipal }

    /// Uses a state up; throws if it was used before.
    mutating func spend(_ state: RequestState, at now: Int64) throws(MCPError) {
        if now >= sweepAt { sweep(now) }
        var own = expiries[state.principal] ?? [:]
        guard own[state.nonce] == nil else {
            throw .invalidParams("requestState was used already: call again without it")
        }
        if own.count >= mostPerPrincipal { own = own.filter { $0.value > now } }
        guard own.count < mostPerPrincipal else {
            throw .busy("too many requests were answered lately: retry in some minutes")
        }
        own[state.nonce] = state.expiry
        expiries[state.principal] = own
    }

    /// How many principals have used one lately.
    var principals: Int { expiries.count }

    private mutating func sweep(_ now: Int64) {
        sweepAt = now + Self.sweepInterval
        for (principal, own) in expiries {
            let left = own.filter { $0.value > now }
            expiries[principal] = left.isEmpty ? nil : left
        }
    }
}
