// How many bytes of a lasting stream may be on their way: what the way holds, as measured by the
// other end's acknowledgements. Pure. Invariant: a stream always has two portions on their way, and
// never much more than the way holds, as a call waits behind these bytes.
import Net

/// The window of one stream over one tunnel.
struct StreamWindow {
    /// The least window in bytes: one portion is acknowledged while the next one is on its way.
    ///
    /// A call waits 2 ms for them at 60 MiB/s.
    static let least = 2 * LastingStream.portion

    private var flight = Flight()
    /// Where a portion ends whose acknowledgement is awaited, and when it was handed over.
    private var measured: (end: UInt64, at: ContinuousClock.Instant)?

    /// Whether `count` more bytes may go, beside those that are on their way.
    func admits(_ count: Int, beside inFlight: Int) -> Bool {
        inFlight == 0 || inFlight + count <= max(flight.held, Self.least)
    }

    /// Bytes were handed to the tunnel; the last one is before `end`.
    mutating func handed(upTo end: UInt64, at now: ContinuousClock.Instant) {
        if measured == nil { measured = (end, now) }
    }

    /// The other end has taken `count` more bytes, up to `end`.
    mutating func acknowledged(_ count: Int, upTo end: UInt64, at now: ContinuousClock.Instant) {
        var roundTrip: Duration?
        if let (end: portion, at: start) = measured, end >= portion {
            roundTrip = now - start
            measured = nil
        }
        flight.answered(count, after: roundTrip, at: now)
    }
}
