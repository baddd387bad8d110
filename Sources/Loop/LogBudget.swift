// Limits how much unknown peers may log: a few lines of each kind per span, then a total. Pure: the
// caller passes in the time, and calls `settle` when the span is over.
// Invariant: a line is either admitted or counted in exactly one total.

/// The lines of each kind that may be logged in one span of time.
public struct LogBudget<Kind: Hashable & Sendable>: Sendable {
    private let lines: Int
    private let span: Duration
    /// When the current span is over; nil if there is none.
    public private(set) var end: ContinuousClock.Instant?
    private var counts: [Kind: Int] = [:]

    /// Admits `lines` lines of each kind within `span`.
    public init(lines: Int, within span: Duration) {
        self.lines = lines
        self.span = span
    }

    /// Whether a line of this kind may be logged now; if not, it is counted.
    ///
    /// The first line begins a span, which runs until `settle`.
    public mutating func admits(_ kind: Kind, at now: ContinuousClock.Instant) -> Bool {
        if end == nil { end = now + span }
        counts[kind, default: 0] += 1
        return counts[kind, default: 0] <= lines
    }

    /// Ends the span: how many lines of each kind were not admitted in it.
    public mutating func settle() -> [Kind: Int] {
        end = nil
        let withheld = counts.compactMapValues { $0 > lines ? $0 - lines : nil }
        counts = [:]
        return withheld
    }
}
