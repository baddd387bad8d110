// A log about peers who decide how often they are written about: a few lines a minute, and then how
// many more there would have been. Flow: a room's event → here → the log.
// Invariant: a line is written or counted in exactly one total; `close` writes the last totals.

/// Lines of some kinds, each of which has a number of lines a minute.
@IO public final class PacedLog<Kind: Hashable & Sendable> {
    private let write: @IO (String) -> Void
    private let total: @Sendable (Kind, _ count: Int) -> String
    private var budget: LogBudget<Kind>
    private var timer: LoopTimer?

    /// Writes `lines` lines a minute of each kind, and `linesInAll` of all kinds; `total` is the
    /// line about those that were kept back in the last minute.
    public nonisolated init(
        lines: Int, linesInAll: Int = .max, write: @escaping @IO (String) -> Void,
        total: @escaping @Sendable (Kind, _ count: Int) -> String
    ) {
        budget = LogBudget(lines: lines, linesInAll: linesInAll, within: .seconds(60))
        (self.write, self.total) = (write, total)
    }

    /// Writes about one event, or counts it.
    public func note(_ kind: Kind, _ lines: String...) {
        if budget.admits(kind, at: IO.now) { lines.forEach(write) }
        guard timer == nil, let end = budget.end else { return }
        timer = LoopTimer(after: end - IO.now) { [weak self] in self?.close() }
    }

    /// Writes the totals that are due: at the end of each minute, and of the program.
    public func close() {
        timer?.cancel()
        timer = nil
        for (kind, count) in budget.settle() { write(total(kind, count)) }
    }
}
