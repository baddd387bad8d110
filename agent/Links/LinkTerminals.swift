// Which process at the host has which terminal of a link: the order in which their programs were
// started is that of their processes. With it the kernel shows which process a session's shell is,
// before anything is typed.
// Invariant: the process of one terminal is never given to another.
import Loop
import SSH
import Terminal

/// The terminals of a link and their processes.
@IO final class LinkTerminals {
    private unowned let link: Link
    private var known: [(terminal: Channel, process: Int)] = []

    /// The terminals of a link.
    init(_ link: Link) { self.link = link }

    /// The question about a terminal; nil: its process is known, or it has ended.
    func question(about channel: Channel) -> LoginShell.Question? {
        let terminals = link.terminals
        known.removeAll { entry in !terminals.contains { $0 === entry.terminal } }
        let open = terminals.filter { terminal in
            !known.contains { $0.terminal === terminal }
        }
        guard let place = open.firstIndex(where: { $0 === channel }) else { return nil }
        return LoginShell.Question(
            place: place + 1, count: open.count, known: known.map(\.process))
    }

    /// A terminal's process was found.
    func found(_ process: Int, on channel: Channel) {
        known.append((channel, process))
    }
}
