// When to dial again: full jitter under a doubling cap, so that a fleet that lost its relay does
// not reconnect all at once. Pure.
import Wire

/// The waits between dials.
struct Backoff {
    /// Dials that failed since the last connection that gave service.
    private(set) var failures = 0
    /// When the relay wants to be dialled again, if it said so.
    var notBefore: ContinuousClock.Instant?

    /// The next wait, once: as a relay said that ended in an orderly way, or after a refusal that
    /// only a person can end.
    var advised: Duration?

    /// The shortest wait: even when the random number is near zero, a relay that refuses at once is
    /// not dialled in a tight loop.
    static let floor: Duration = .milliseconds(250)
    /// The upper bound of a wait, in seconds: a relay that is back is dialled within a minute.
    static let ceiling = 60.0
    /// A connection that lasted this long gave service: the agent dials as after the first failure,
    /// so that a link that drops often is down for moments only.
    static let service: Duration = .seconds(5)
    /// Failures that count after a shorter connection: the relay is there, so that the next wait is
    /// at most 4 s, and two agents with one identity do not take over from each other all the time.
    static let welcomed = 3

    /// The wait, in seconds, after a refusal that only a person can end: 10,000 agents that a
    /// restored relay does not know cost it some 50 dials a second, and who has mended it waits
    /// 5 min at most.
    static let mending = 120.0...300.0

    /// Takes note of a refusal: how long the relay asks to be left alone, and whether another dial
    /// can succeed soon.
    mutating func refused(
        _ outlook: Refusal.Outlook, retryAfter: Duration?, at now: ContinuousClock.Instant
    ) {
        notBefore = retryAfter.map { now + $0 }
        switch outlook {
        case .seldom:
            let wait = Duration.seconds(.random(in: Self.mending))
            advised = max(wait, retryAfter ?? .zero)
        case .never, .soon: advised = nil
        }
    }

    /// The next wait: from the floor to min(ceiling, 0.5·2ⁿ s), after n failures.
    mutating func next(random: (ClosedRange<Double>) -> Double = { .random(in: $0) }) -> Duration {
        let cap = min(Self.ceiling, 0.5 * Double(1 << min(failures, 10)))
        failures += 1
        return max(Self.floor, .milliseconds(Int64(random(0...cap) * 1000)))
    }

    /// Whether the relay lets itself be dialled now.
    func mayDial(at now: ContinuousClock.Instant) -> Bool { notBefore.map { now >= $0 } ?? true }

    /// The next wait: the one that the relay advised, or else one that ends no earlier than it
    /// asked for.
    mutating func next(at now: ContinuousClock.Instant) -> Duration {
        if let advised {
            self.advised = nil
            return max(Self.floor, advised)
        }
        return max(next(), notBefore.map { $0 - now } ?? .zero)
    }

    /// Records how long the last connection lasted, from its welcome to its end.
    mutating func served(_ time: Duration) {
        failures = time >= Self.service ? 0 : min(failures, Self.welcomed)
    }
}
