// Answers that are asked for again and again within seconds: who asks for one that is known, or on
// its way, causes no further call. Flow: Directory → here → an agent. Invariant: bounded; nobody
// waits beyond the time given, whoever does not answer; one principal's questions leave room for
// those of others.
import Loop

/// Values by key, each remembered for a short time.
@IO final class BriefMemory<Key: Hashable & Sendable, Value: Sendable> {
    private struct Known {
        let value: Value
        let since: ContinuousClock.Instant
    }

    private let lifetime: Duration
    private let limit: Int
    private let places: Shares
    private var known: [Key: Known] = [:]
    private var running: [Key: Task<Value?, Never>] = [:]

    /// Remembers at most `limit` values for `lifetime`; at most `places` are being asked for, of
    /// which one principal has `share`.
    init(for lifetime: Duration, atMost limit: Int, places: Int, share: Int) {
        (self.lifetime, self.limit) = (lifetime, limit)
        self.places = Shares(places, share: share)
    }

    /// The value, if it is known or comes in time; nil otherwise.
    ///
    /// Where the time is over, `ask` goes on, so that a later question finds its answer: it must
    /// end by itself.
    func value(
        _ key: Key, for principal: String, within time: Duration,
        _ ask: @escaping @IO @Sendable () async -> Value?
    ) async -> Value? {
        if let known = known[key], IO.now - known.since < lifetime { return known.value }
        guard let task = running[key] ?? begin(key, principal, ask) else { return nil }
        return await IO.within(time) { await task.value } ?? nil
    }

    private func begin(
        _ key: Key, _ principal: String, _ ask: @escaping @IO @Sendable () async -> Value?
    ) -> Task<Value?, Never>? {
        guard let place = try? places.take(for: principal) else { return nil }
        let task = IO.task { () -> Value? in
            let value = await ask()
            place.giveBack()
            self.running[key] = nil
            if let value { self.keep(key, value) }
            return value
        }
        running[key] = task
        return task
    }

    private func keep(_ key: Key, _ value: Value) {
        if known.count >= limit {
            let now = IO.now
            known = known.filter { now - $0.value.since < lifetime }
            if known.count >= limit { known = [:] }
        }
        known[key] = Known(value: value, since: IO.now)
    }
}
