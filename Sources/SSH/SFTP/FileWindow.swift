// How many bytes of a file may be in flight to or from a server. Pure.
// Invariant: between 1 MiB, which keeps a link of 20 ms and 50 MiB/s busy, and 8 MiB, which bounds
// the memory of one file; less on a short way where others wait behind these bytes.
internal import Net

/// The window of one file: twice what the way to the server holds, by its measured rate and round
/// trip.
struct FileWindow {
    /// The least window in bytes.
    static let least = 1 << 20
    /// The least window in bytes beside other channels: what they send waits 4 ms for it at
    /// 60 MiB/s.
    static let leastInCompany = 256 << 10
    /// The largest window in bytes.
    static let most = 8 << 20
    /// The window of a file that has the link for itself.
    private(set) var bytes = FileWindow.least
    private var flight = Flight()

    /// The window now; `inCompany`: the link has other channels, too.
    ///
    /// It grows from the least as long as the way takes more.
    func bytes(inCompany: Bool) -> Int {
        inCompany ? min(bytes, max(flight.held, Self.leastInCompany)) : bytes
    }

    /// Counts bytes whose request was sent at one time and answered at another.
    mutating func answered(
        _ count: Int, sent: ContinuousClock.Instant, now: ContinuousClock.Instant
    ) {
        flight.answered(count, after: now - sent, at: now)
        bytes = min(max(bytes, flight.held), Self.most)
    }
}
