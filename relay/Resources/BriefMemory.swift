// Answers that are asked for again and again within seconds: who asks for one that is known, or on
// its way, causes no further call. Flow: Directory → here → an agent. Invariant: bounded in number
// and bytes, and what is too old is dropped whether anybody asks or not; nobody waits beyond the
// time given, whoever does not answer; one principal's questions leave room for those of others.
import Loop

/// Values by key, each remembered for a short time.
@IO final class BriefMemory<Key: Hashable & Sendable, Value: Sendable> {
    private struct Known {
        let value: Value
        let since: ContinuousClock.Instant
        let principal: String
        let bytes: Int
    }

    private let lifetime: Duration
    private let limit: Int
    private let bytes: Int
    private let bytesOfOne: Int
    private let size: @Sendable (Key, Value) -> Int
    private let places: Shares
    private var known: [Key: Known] = [:]
    private var running: [Key: Task<Value?, Never>] = [:]
    private var sweeper: LoopTimer?

    /// A memory of at most `limit` values, each for `lifetime`.
    ///
    /// All values together have at most `bytes` bytes, those of one principal `bytesOfOne`; `size`
    /// tells the bytes of a value and its key. At most `places` values are being asked for, of
    /// which one principal has `share`.
    init(
        for lifetime: Duration, atMost limit: Int, bytes: Int, bytesOfOne: Int, places: Int,
        share: Int, size: @escaping @Sendable (Key, Value) -> Int
    ) {
        (self.lifetime, self.limit) = (lifetime, limit)
        (self.bytes, self.bytesOfOne, self.size) = (bytes, bytesOfOne, size)
        self.places = Shares(places, share: share)
    }

    /// How many values it holds now.
    var count: Int { known.count }
    /// The bytes of the values that it holds now.
    var bytesHeld: Int { known.values.reduce(0) { $0 + $1.bytes } }

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
            if let value { self.keep(key, value, principal) }
            return value
        }
        running[key] = task
        return task
    }

    // MARK: Keeping

    private func keep(_ key: Key, _ value: Value, _ principal: String) {
        known[key] = nil
        let size = self.size(key, value)
        // What takes more than all that a principal has is asked for each time.
        guard size <= bytesOfOne else { return }
        makeRoom(bytesOfOne - size, known.filter { $0.value.principal == principal })
        makeRoom(bytes - size, known)
        if known.count >= limit, let oldest = known.min(by: { $0.value.since < $1.value.since }) {
            known[oldest.key] = nil
        }
        known[key] = Known(value: value, since: IO.now, principal: principal, bytes: size)
        if known.count == 1 { sweepLater() }
    }

    /// Drops the oldest of these values until the others have at most `bytes` bytes.
    private func makeRoom(_ bytes: Int, _ values: [Key: Known]) {
        var held = values.values.reduce(0) { $0 + $1.bytes }
        guard held > bytes else { return }
        for (key, value) in values.sorted(by: { $0.value.since < $1.value.since }) {
            known[key] = nil
            held -= value.bytes
            if held <= bytes { return }
        }
    }

    /// Looks once in each lifetime, so that a value is gone after two at the latest.
    private func sweepLater() {
        if let sweeper {
            sweeper.restart(after: lifetime)
        } else {
            sweeper = LoopTimer(after: lifetime) { [weak self] in self?.sweep() }
        }
    }

    private func sweep() {
        let now = IO.now
        known = known.filter { now - $0.value.since < lifetime }
        if !known.isEmpty { sweepLater() }
    }
}
