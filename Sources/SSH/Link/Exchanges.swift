// What the later key exchanges of a link may cost. Those on elliptic curves take less than a
// millisecond; others keep the loop busy for tens of milliseconds, as often as the server likes,
// and in a group exchange the server chooses how long. Link asks after each pass. Invariant: a
// value; its decisions depend only on the times and counts passed in.
import Glibc

/// The key exchanges of one link.
struct Exchanges {
    /// What the link does after a pass.
    enum Verdict: Equatable {
        case goesOn
        /// A slow key exchange is over: nothing is read for a while.
        case rests
        /// A step took much longer than the first key exchange: the server chose a larger group.
        case ends
    }

    /// What a pass may take, as a multiple of the longest pass of the first key exchange: a group
    /// of twice the bits takes seven times as long.
    static let ratio = 4
    /// What a pass may always take: four times a step with a group of 4,096 bits.
    static let least = Duration.milliseconds(100)

    /// Whether the passes of the link are to be measured.
    private(set) var isMeasured = true
    private var first: Duration? = .zero
    private var limit = Duration.zero
    private var count = 0

    /// The first key exchange is over, and later ones will use its method or a quick one.
    mutating func settle(_ method: String) {
        isMeasured = !Algorithms.quickKeyExchanges.contains(method)
        limit = max(Self.least, (first ?? .zero) * Self.ratio)
        first = nil
    }

    /// Judges a pass by the time that the loop's thread worked on it, and the later key exchanges
    /// so far.
    mutating func passed(_ time: Duration, exchanges: Int) -> Verdict {
        if let longest = first {
            first = max(longest, time)
            return .goesOn
        }
        if time > limit { return .ends }
        defer { count = exchanges }
        return exchanges > count ? .rests : .goesOn
    }

    /// The time that this thread has worked; what others take of a busy machine does not count.
    static var threadTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

/// When links may exchange keys slowly again: one a second of all links together, so that slow key
/// exchanges take about a twentieth of the loop's time.
struct ExchangeTurns {
    /// The time of one slow key exchange.
    static let turn = Duration.seconds(1)
    /// The longest rest: well below the silence after which a link counts as dead.
    static let longest = Duration.seconds(10)

    private var next: ContinuousClock.Instant?

    /// How long a link rests that has just exchanged keys.
    mutating func rest(now: ContinuousClock.Instant) -> Duration {
        let end = min(max(next ?? now, now) + Self.turn, now + Self.longest)
        next = end
        return end - now
    }
}
