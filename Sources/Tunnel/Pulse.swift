// Whether the peer is alive, from what it has sent and taken: a value without a clock of its own.
// A peer that is gone says nothing (its NAT forgot the connection, its process is stopped), so
// silence must end the tunnel: soon while something waits for the peer, later while nothing does.
import Loop

/// What a tunnel knows of its peer's life.
struct Pulse {
    /// How long the peer may be silent.
    struct Times {
        /// Silence after which a ping is sent.
        var quiet: Duration
        /// Silence after which the peer is dead, if it was asked.
        var limit: Duration
    }

    /// What can be seen of the peer.
    struct Sight: Equatable {
        /// When bytes were last received.
        var heard: ContinuousClock.Instant
        /// Bytes written that the peer's system has not acknowledged.
        var unacknowledged: Int
        /// Bytes that the peer's system has acknowledged so far.
        ///
        /// Over TLS it falls by what TLS adds to the bytes that wait: only a growth says something.
        var acknowledged: UInt64
        /// Whether calls are open, in either direction.
        var hasCalls: Bool

        /// Whether something waits for the peer.
        var isAwaited: Bool { hasCalls || unacknowledged > 0 }
    }

    /// What to do after a look.
    enum Step: Equatable {
        /// Look again after this time.
        case rest(Duration)
        /// Send a ping, and look again after this time.
        case ping(Duration)
        /// End the tunnel.
        case dead(reason: String)
    }

    private let idle: Times
    private let awaited: Times
    private var sight: Sight
    /// When the peer last gave a sign, or something began to wait for it.
    private var sign: ContinuousClock.Instant
    /// When the peer last took bytes, or none waited.
    private var taking: ContinuousClock.Instant
    /// When the look is due.
    private var due: ContinuousClock.Instant
    /// When it was asked for a sign, and how long it may take; nil: not since the last one.
    private var asked: (at: ContinuousClock.Instant, times: Times)?

    /// Time by which a look may come late: if this process was held up for longer, the peer's
    /// bytes may wait unread.
    private static let lateness = Duration.seconds(1)

    /// Time within which an idle peer answers a ping: an earlier look would be for nothing.
    private static let answerTime = Duration.seconds(1)

    init(idle: Times, awaited: Times, at now: ContinuousClock.Instant) {
        self.idle = idle
        self.awaited = awaited
        (sign, taking, due) = (now, now, now + idle.quiet)
        sight = Sight(heard: now, unacknowledged: 0, acknowledged: 0, hasCalls: false)
    }

    /// Judges the peer.
    mutating func look(_ new: Sight, at now: ContinuousClock.Instant) -> Step {
        let isTaken = new.acknowledged > sight.acknowledged
        let isLate = now > due + Self.lateness
        // A ping that is on its way is nothing that somebody waits for.
        let isNew = new.isAwaited && !sight.isAwaited && (asked == nil || new.hasCalls)
        if isTaken || isLate || new.unacknowledged == 0 { taking = now }
        let before = sign
        sign = max(sign, new.heard)
        // The system of a stopped program takes bytes too: only what is left shows that the
        // answer cannot be here yet.
        if isLate || isNew || isTaken && new.unacknowledged > 0 { sign = now }
        if sign > before { asked = nil }
        sight = new
        // A peer that sends and reads nothing makes this end hold what it does not read.
        guard now - taking < idle.limit else {
            return .dead(reason: "the other end takes no bytes")
        }
        let times = new.hasCalls ? awaited : asked?.times ?? (new.isAwaited ? awaited : idle)
        let silence = now - sign
        guard let asked else {
            guard silence >= times.quiet else { return .rest(rest(times.quiet - silence, now)) }
            asked = (now, times)
            // An idle peer has answered by the next look, which sends the next ping.
            let next = new.isAwaited ? awaited.limit : times.quiet + Self.answerTime
            return .ping(rest(min(times.limit - times.quiet, next), now))
        }
        let left = max(times.limit - silence, times.limit - times.quiet - (now - asked.at))
        guard left > .zero else {
            return .dead(reason: "the other end has been silent for \(silence.rounded)")
        }
        return .rest(rest(min(left, awaited.limit), now))
    }

    private mutating func rest(
        _ time: Duration, _ now: ContinuousClock.Instant
    ) -> Duration {
        due = now + time
        return time
    }
}

extension Duration {
    /// Whole seconds, or milliseconds below one.
    fileprivate var rounded: String {
        let (seconds, attoseconds) = components
        return seconds > 0 ? "\(seconds) s" : "\(attoseconds / 1_000_000_000_000_000) ms"
    }
}
