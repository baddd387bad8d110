// When to dial again: full jitter under a doubling cap, so that a fleet that lost its relay does
// not come back as one. Pure.

/// The waits between dials.
struct Backoff {
    /// Dials that failed since the last stable connection.
    private(set) var failures = 0

    static let floor: Duration = .milliseconds(250)
    /// The widest range of a wait, in seconds.
    static let ceiling = 60.0
    /// Service this long counts as stable: only then the waits start over.
    static let stable: Duration = .seconds(60)

    /// The next wait: between the floor and min(ceiling, 0.5·2ⁿ s), n the failures before.
    mutating func next(random: (ClosedRange<Double>) -> Double = { .random(in: $0) }) -> Duration {
        let cap = min(Self.ceiling, 0.5 * Double(1 << min(failures, 10)))
        failures += 1
        return max(Self.floor, .milliseconds(Int64(random(0...cap) * 1000)))
    }

    /// Tells how long the last connection served.
    mutating func served(_ time: Duration) {
        if time >= Self.stable { failures = 0 }
    }
}
