// Limits how much unknown peers may log: a few lines of each kind per span, and not many of all
// kinds together, then a total. Pure: the caller passes in the time, and calls `settle` when the
// span is over.
// Invariant: a line is either admitted or counted in exactly one total.

/// The lines of each kind that may be logged in one span of time.
struct LogBudget<Kind: Hashable & Sendable>: Sendable {
    private let lines, linesInAll: Int
    private let span: Duration
    /// When the current span is over; nil if there is none.
    private(set) var end: ContinuousClock.Instant?
    private var counts: [Kind: (admitted: Int, withheld: Int)] = [:]
    private var admitted = 0

    /// Admits `lines` lines of each kind within `span`, and `linesInAll` of all kinds together.
    init(lines: Int, linesInAll: Int = .max, within span: Duration) {
        self.lines = lines
        self.linesInAll = linesInAll
        self.span = span
    }

    /// Whether a line of this kind may be logged now; if not, it is counted.
    ///
    /// The first line begins a span, which runs until `settle`.
    mutating func admits(_ kind: Kind, at now: ContinuousClock.Instant) -> Bool {
        if end == nil { end = now + span }
        let admits = admitted < linesInAll && counts[kind, default: (0, 0)].admitted < lines
        if admits {
            admitted += 1
            counts[kind, default: (0, 0)].admitted += 1
        } else {
            counts[kind, default: (0, 0)].withheld += 1
        }
        return admits
    }

    /// Ends the span: how many lines of each kind were not admitted in it.
    mutating func settle() -> [Kind: Int] {
        end = nil
        let withheld = counts.compactMapValues { $0.withheld > 0 ? $0.withheld : nil }
        counts = [:]
        admitted = 0
        return withheld
    }
}
