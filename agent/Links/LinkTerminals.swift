// The terminals of one link in the order of their opening, which is that of their processes at the
// host. With it the kernel shows which process a session's shell is before anything is typed.
// Invariant: a process is claimed for one terminal, and never given to another.
import Loop
import SSH
import Terminal

/// The terminals that were opened on a link.
@IO final class LinkTerminals {
    /// The most processes that are remembered: more than a link has terminals, as one may outlive
    /// its terminal.
    private static let limit = 256

    private struct Unclaimed { weak var channel: Channel? }
    private var unclaimed: [Unclaimed] = []
    private var claimed: [Int] = []

    /// A terminal was opened; called in the order in which the host started their programs.
    func opened(_ channel: Channel) { unclaimed.append(Unclaimed(channel: channel)) }

    /// The question about a terminal; nil: its process is known, or it has ended.
    func question(about channel: Channel) -> Login.Question? {
        unclaimed.removeAll { $0.channel.map { $0.end != nil } ?? true }
        guard let place = unclaimed.firstIndex(where: { $0.channel === channel }) else {
            return nil
        }
        return Login.Question(place: place + 1, count: unclaimed.count, known: claimed)
    }

    /// A terminal's process was found.
    func found(_ process: Int, on channel: Channel) {
        unclaimed.removeAll { $0.channel === channel }
        claimed.removeAll { $0 == process }
        claimed.append(process)
        if claimed.count > Self.limit { claimed.removeFirst() }
    }
}
