// What happens to this machine that makes the uplink look at its connection, or dial at once: the
// machine was asleep, or its network changed. Invariant: a machine whose network changes all the
// time, as where containers come and go, has no more than one report in `pause`.
import Loop

/// Watches the machine for changes that the uplink must know.
@IO final class MachineWatch {
    /// What happened.
    enum Change: Equatable, CustomStringConvertible {
        /// The machine was asleep, or this process was stopped, for about this time.
        case woke(after: Duration)
        case network

        var description: String {
            switch self {
            case .woke(let time): "the machine was asleep for \(time.components.seconds) s"
            case .network: "the network has changed"
            }
        }
    }

    /// Time between two looks at the clock.
    nonisolated private static let interval = Duration.seconds(5)
    /// Time by which a look must be late to mean that the machine slept: two intervals.
    nonisolated private static let lateness = Duration.seconds(10)
    /// Time in which the events of one change of the network come.
    nonisolated private static let settling = Duration.milliseconds(500)
    /// Time in which the network is reported once.
    nonisolated private static let pause = Duration.seconds(10)

    private let report: @IO (Change) -> Void
    private var network: NetworkWatch?
    private var clock: LoopTimer?
    private var settled: LoopTimer?
    private var looked = IO.now
    private var reported: ContinuousClock.Instant?

    init(_ report: @escaping @IO (Change) -> Void) {
        self.report = report
        clock = LoopTimer(after: Self.interval, repeating: Self.interval) { [weak self] in
            self?.look()
        }
        network = NetworkWatch { [weak self] in self?.settle() }
    }

    /// How long the machine slept between two looks at the clock that were to be `interval` apart;
    /// nil if it did not.
    ///
    /// The loop's timers stand still while the machine sleeps, and the clock does not.
    nonisolated static func sleep(
        from earlier: ContinuousClock.Instant, to now: ContinuousClock.Instant
    ) -> Duration? {
        let late = now - earlier - interval
        return late > lateness ? late : nil
    }

    /// When a change of the network at `now` is reported, after the last report.
    nonisolated static func due(
        _ now: ContinuousClock.Instant, after last: ContinuousClock.Instant?
    ) -> ContinuousClock.Instant {
        max(now + settling, last.map { $0 + pause } ?? now)
    }

    private func look() {
        let now = IO.now
        defer { looked = now }
        if let time = Self.sleep(from: looked, to: now) { report(.woke(after: time)) }
    }

    private func settle() {
        guard settled == nil else { return }
        let due = Self.due(IO.now, after: reported)
        settled = LoopTimer(after: due - IO.now) { [weak self] in
            guard let self else { return }
            settled = nil
            reported = IO.now
            report(.network)
        }
    }
}
