// The pauses between attempts to connect: at random from a quarter of a cap to the cap, which
// doubles, so that many links to an overloaded server (MaxStartups) do not return together.

/// How many retries are left, and how long to pause before each.
struct Retries {
    private let limit: Int
    /// Pauses given so far.
    private(set) var made = 0

    init(_ limit: Int) { self.limit = limit }

    /// The pause before the next attempt; nil if none is left.
    mutating func next() -> Duration? {
        guard made < limit else { return nil }
        made += 1
        // Milliseconds: 500, 1000, 2000, then 4000.
        let most = min(4000, 250 << min(made, 8))
        return .milliseconds(Int.random(in: most / 4...most))
    }
}
