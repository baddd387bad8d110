// How long the relay has been out of reach, and when the log says so, beside the single failures.
// Pure: the times are handed in. Used by Uplink.

/// A time without a connection to the relay.
struct Outage {
    /// When the first dial failed, or the connection ended.
    private let start: ContinuousClock.Instant
    /// Dials that failed since then.
    private var dials = 0
    private var due: ContinuousClock.Instant

    /// The time in which a restarted relay, or a site's line, is usually back: a longer outage is
    /// worth a line of its own.
    static let patience: Duration = .seconds(300)
    /// The time between two such lines: six an hour show an outage and fill no log.
    static let interval: Duration = .seconds(600)

    /// An outage that begins now.
    init(_ now: ContinuousClock.Instant) {
        start = now
        due = now + Self.patience
    }

    /// Counts a dial that failed; returns what to log of the whole outage, if that is due.
    mutating func failed(at now: ContinuousClock.Instant) -> String? {
        dials += 1
        guard now >= due else { return nil }
        due = now + Self.interval
        let minutes = (now - start).components.seconds / 60
        return "out of reach of the relay for \(minutes) min, after \(dials) dials; the agent goes"
            + " on trying: homeline-agent doctor shows what fails"
    }
}
