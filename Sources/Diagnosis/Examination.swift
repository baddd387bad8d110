// Runs checks one after the other and collects what came. Used by the Doctor of each program.
// Invariant: each check ends at its own deadline, and all together before `end`.
public import Loop

/// A row of checks.
@IO public final class Examination {
    /// The longest time that a whole examination takes; with the start and the end of the program
    /// it stays below 30 s, the patience of a person and of most service checks.
    public nonisolated static let limit: Duration = .seconds(27)

    /// What came so far.
    public private(set) var checks: [Check] = []
    private let end: ContinuousClock.Instant

    /// An examination that is over at `end`.
    public init(until end: ContinuousClock.Instant) { self.end = end }

    /// Adds a check that is done.
    public func note(_ name: String, _ tried: String, _ verdict: Check.Verdict) {
        checks.append(Check(name, tried, verdict))
    }

    /// Makes a check, which also finds something that later checks need; nil if it did not.
    ///
    /// `late` is the verdict if it has not ended within `limit`.
    public func find<Found: Sendable>(
        _ name: String, _ tried: String, within limit: Duration, late: Check.Verdict,
        _ body: @escaping @IO @Sendable () async -> (Check.Verdict, Found?)
    ) async -> Found? {
        let left = max(.zero, min(limit, end - IO.now))
        let result = await IO.within(left, body) ?? (late, nil)
        note(name, tried, result.0)
        return result.1
    }

    /// Makes a check.
    public func check(
        _ name: String, _ tried: String, within limit: Duration, late: Check.Verdict,
        _ body: @escaping @IO @Sendable () async -> Check.Verdict
    ) async {
        let _: Bool? = await find(name, tried, within: limit, late: late) { (await body(), nil) }
    }
}
