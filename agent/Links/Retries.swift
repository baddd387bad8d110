// The pauses between attempts to connect: doubling, with full jitter, so that many links to one
// server that has had enough (MaxStartups) do not come back together.

/// How many attempts are left, and when.
struct Retries {
    private let limit: Int
    /// Pauses given so far.
    private(set) var made = 0

    init(_ limit: Int) { self.limit = limit }

    /// The pause before the next attempt; nil: there is none left.
    mutating func next() -> Duration? {
        guard made < limit else { return nil }
        made += 1
        let most = min(4000, 250 << min(made, 8))
        return .milliseconds(Int.random(in: most / 4...most))
    }
}
