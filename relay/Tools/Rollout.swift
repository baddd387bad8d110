// In which order, how many at once and how far one command goes over its targets.
// Flow: ssh_execute → run → one call for each target. Invariant: no target's turn begins after a
// stop, after the caller has left, or after the last start's time.
import Loop

/// How work goes over many targets.
@IO struct Rollout {
    /// The most turns at once.
    let parallel: Int
    /// How many turns end before the next ones begin.
    let batch: Int
    /// The time between two batches.
    let pause: Duration
    /// The time after which no turn begins.
    let latest: Duration

    /// What one turn came to.
    enum Turn<Value: Sendable>: Sendable {
        case done(Value)
        /// Nothing more is to begin.
        case stops(Value)
    }

    /// Gives each item its turn; nil for an item whose turn did not come.
    func run<Item: Sendable, Value: Sendable>(
        _ items: [Item], _ turn: @escaping @IO @Sendable (Item) async -> Turn<Value>
    ) async -> [Value?] {
        let course = Course<Item, Value>(items, end: IO.now + latest)
        while let until = course.nextBatch(of: batch) {
            if until > batch {
                do { try await IO.sleep(for: pause) } catch { break }
            }
            let lanes = (0..<min(parallel, batch, items.count)).map { _ in
                IO.task {
                    while !Task.isCancelled, let (index, item) = course.next(before: until) {
                        course.take(await turn(item), at: index)
                    }
                }
            }
            _ = await IO.values(of: lanes)
            if Task.isCancelled { break }
        }
        return course.values
    }

    /// How far the items have come.
    @IO private final class Course<Item: Sendable, Value: Sendable> {
        private let items: [Item]
        private let end: ContinuousClock.Instant
        private(set) var values: [Value?]
        private var started = 0
        private var isStopped = false

        init(_ items: [Item], end: ContinuousClock.Instant) {
            (self.items, self.end) = (items, end)
            values = Array(repeating: nil, count: items.count)
        }

        private var isOver: Bool { isStopped || started == items.count || IO.now > end }

        /// The end of the next batch; nil: nothing more begins.
        func nextBatch(of size: Int) -> Int? { isOver ? nil : started + size }

        func next(before limit: Int) -> (Int, Item)? {
            guard !isOver, started < limit else { return nil }
            started += 1
            return (started - 1, items[started - 1])
        }

        func take(_ turn: Turn<Value>, at index: Int) {
            switch turn {
            case .done(let value): values[index] = value
            case .stops(let value):
                values[index] = value
                isStopped = true
            }
        }
    }
}
