// How many bytes of a file may be in flight to or from a server. Pure.
// Invariant: between 1 MiB, which keeps a link of 20 ms and 50 MiB/s busy, and 8 MiB, which bounds
// the memory of one file; less on a short way where others wait behind these bytes.

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
    /// The least time over which a rate is measured.
    private static let interval = Duration.milliseconds(20)

    /// The window of a file that has the link for itself.
    private(set) var bytes = FileWindow.least
    /// Twice what the way held when it was last measured.
    private var held = 0
    /// The shortest time from a request to its answer: nothing of it was spent in a queue.
    private var roundTrip: Duration?
    private var begun: ContinuousClock.Instant?
    private var answered = 0

    /// The window now; `inCompany`: the link has other channels, too.
    ///
    /// It grows from the least as long as the way takes more.
    func bytes(inCompany: Bool) -> Int {
        inCompany ? min(bytes, max(held, Self.leastInCompany)) : bytes
    }

    /// Counts bytes whose request was sent at one time and answered at another.
    mutating func answered(
        _ count: Int, sent: ContinuousClock.Instant, now: ContinuousClock.Instant
    ) {
        let shortest = min(roundTrip ?? .seconds(3600), now - sent)
        roundTrip = shortest
        guard let begun else { return begun = now }
        answered += count
        let passed = now - begun
        guard passed >= max(shortest, Self.interval) else { return }
        held = Int(2 * Double(answered) * (shortest / passed))
        bytes = min(max(bytes, held, Self.least), Self.most)
        self.begun = now
        answered = 0
    }
}
