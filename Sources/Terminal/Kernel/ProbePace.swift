// When the kernel is asked about a command that a caller waits for: often at first, then after
// silence. It has no clock of its own.
// Invariant: a command that ends within the first step is never asked about.

/// The times of the next questions.
public struct ProbePace: Sendable {
    /// Time from the start of a wait to the first question: most commands are over by then.
    private static let first = Duration.milliseconds(150)
    /// Time from the start of a wait to the second question: most programs that prompt have done
    /// so.
    private static let second = Duration.seconds(1)
    /// Time without output before each later question: a command that prints needs no question.
    private static let silence = Duration.seconds(2)
    /// The longest time between two questions: a program that is never silent is asked about too.
    private static let longest = Duration.seconds(10)
    /// Time between the last question and the end of the wait, so that its answer is new.
    private static let lead = Duration.milliseconds(100)
    /// The shortest time to the first question, and between the last two.
    private static let shortest = Duration.milliseconds(10), apart = Duration.milliseconds(250)

    private var start: ContinuousClock.Instant
    private let deadline: ContinuousClock.Instant
    private var last: ContinuousClock.Instant?
    private var count = 0

    /// A wait from now to a deadline.
    public init(start: ContinuousClock.Instant, deadline: ContinuousClock.Instant) {
        self.start = start
        self.deadline = deadline
    }

    /// When to ask next, after output that came last at `output`.
    public func next(lastOutput output: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let planned =
            switch (count, last) {
            case (1, _): start + Self.second
            case (_, let last?):
                min(max(last, output) + Self.silence, last + Self.longest)
            default:
                start + max(Self.shortest, min(Self.first, start.duration(to: deadline) / 2))
            }
        let final = deadline - Self.lead
        guard planned > final, final - (last ?? start) >= Self.apart else {
            return planned
        }
        return final
    }

    /// Notes that the kernel was asked.
    public mutating func asked(at now: ContinuousClock.Instant) {
        last = now
        count += 1
    }

    /// Starts again, as the command had not begun.
    public mutating func restart(at now: ContinuousClock.Instant) {
        start = now
        last = nil
        count = 0
    }
}
