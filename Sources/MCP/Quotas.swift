// What each principal uses of a server: requests that run, requests a second, bytes a second. Flow:
// MCPServer asks before it answers, and counts the bytes of each request and of each result.
// Invariant: the refusal of a principal beyond its rate says when to come back; the record of a
// principal without running requests is forgotten once its rates are full again.
import Loop

@IO final class Quotas {
    private let limits: MCPLimits
    private var uses: [String: Use] = [:]

    /// What one principal uses.
    private struct Use {
        var running = 0
        var requests: Rate?
        var bytes: Rate?

        func isNothing(at now: ContinuousClock.Instant) -> Bool {
            running == 0 && requests?.isFull(at: now) != false && bytes?.isFull(at: now) != false
        }
    }

    /// Principals above which those that use nothing are looked for and forgotten.
    private static let sweepAt = 64
    private var sweepNext = sweepAt

    init(_ limits: MCPLimits) { self.limits = limits }

    private func use(of principal: Principal) -> Use {
        uses[principal.name]
            ?? Use(
                requests: limits.perPrincipal.requests?.rate, bytes: limits.perPrincipal.bytes?.rate
            )
    }

    /// Counts a request; throws if it comes too soon.
    func admit(_ principal: Principal, at now: ContinuousClock.Instant) throws(MCPError) {
        guard limits.perPrincipal.requests != nil || limits.perPrincipal.bytes != nil else {
            return
        }
        var use = use(of: principal)
        defer { keep(use, of: principal, at: now) }
        if use.bytes?.admits(at: now) == false {
            throw Self.error("bytes", use.bytes)
        }
        if use.requests?.admits(at: now) == false {
            throw Self.error("requests", use.requests)
        }
    }

    private static func error(_ what: String, _ rate: Rate?) -> MCPError {
        let wait = rate?.wait ?? .seconds(1)
        let milliseconds = max(1, Int((wait / .milliseconds(1)).rounded(.up)))
        return .throttled("too many \(what) a second: retry in \(milliseconds) ms", wait: wait)
    }

    /// Counts bytes that a principal has sent and was sent.
    func count(bytes: Int, of principal: Principal, at now: ContinuousClock.Instant) {
        guard limits.perPrincipal.bytes != nil else { return }
        var use = use(of: principal)
        use.bytes?.charge(bytes, at: now)
        keep(use, of: principal, at: now)
    }

    /// Counts a request that runs from now on; throws if too many do.
    func begin(_ principal: Principal) throws(MCPError) {
        var use = use(of: principal)
        guard use.running < limits.perPrincipal.running else {
            throw .busy(
                "\(use.running) requests are running already: wait for one to finish, then retry")
        }
        use.running += 1
        keep(use, of: principal, at: IO.now)
    }

    /// One fewer runs.
    func end(_ principal: Principal) {
        var use = use(of: principal)
        use.running -= 1
        keep(use, of: principal, at: IO.now)
    }

    private func keep(_ use: Use, of principal: Principal, at now: ContinuousClock.Instant) {
        uses[principal.name] = use.isNothing(at: now) ? nil : use
        guard uses.count > sweepNext else { return }
        uses = uses.filter { !$0.value.isNothing(at: now) }
        sweepNext = max(Self.sweepAt, uses.count * 2)
    }

    /// How many principals are remembered.
    var count: Int { uses.count }
}

extension MCPLimits.PerPrincipal.Allowance {
    fileprivate var rate: Rate { Rate(burst: burst, perSecond: perSecond) }
}
