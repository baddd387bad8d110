// One shell of a session: what it is, where it runs, and how far it is. A session has a stack of them:
// adopting a shell pushes one, its end pops it. Console drives the innermost.
// Invariant: `state` says what the shell does, and nothing else does.
import Loop
import Terminal

/// A shell on a session's terminal.
@IO final class SessionShell {
    /// What its marks carry.
    let nonce: Nonce
    /// Its kind.
    var profile = ShellProfile.dash
    /// Its name as reported: `bash`, or `bash (from fish)`.
    var name = ""
    /// What it said of itself when it was asked.
    var identity: Identity?
    /// Where its process is found.
    var place = Place.unknown
    /// What it is doing, as its marks tell.
    var state = ShellState()
    /// Prints marks; devices, and what is driven by keys alone, print none.
    var hasMarks = true
    /// Its newest command.
    var command: SessionCommand?
    /// Where a client's input at its prompt was over, since its newest command.
    var rest: Rest?
    /// The jobs that the kernel showed as stopped.
    var stoppedJobs: Set<Int> = []

    init(nonce: Nonce) { self.nonce = nonce }

    /// Who answered the question at set-up.
    struct Identity: Equatable {
        var process: Int, image: Int?, terminal: String, program: String
        /// Its terminal, where it named one.
        var device: String? { terminal.hasPrefix("/dev/") ? terminal : nil }
        /// The name of its program, without folders.
        var name: String { program.split(separator: "/").last.map(String.init) ?? "?" }
    }

    /// Where the kernel that can be asked shows a shell.
    enum Place: Equatable {
        /// It has not told yet.
        case unknown
        /// As this process; in a namespace of processes it has another number for itself.
        case here(process: Int)
        /// On another host, in a container, as another user.
        case elsewhere
    }

    /// The end of what a client typed at the prompt.
    struct Rest {
        var end: Int
    }

    /// Its process, where the kernel can be asked about it.
    var process: Int? {
        if case .here(let process) = place { return process }
        return nil
    }

    /// Its terminal's device, where the kernel can be asked about it.
    var terminal: String? { process == nil ? nil : identity?.device }

    /// What to ask the kernel about it; nil: nothing can be asked.
    var question: Probe.Question? {
        guard let process, let terminal else { return nil }
        return Probe.Question(process: process, terminal: terminal)
    }

    /// Whether a command has not come to its end.
    var isRunning: Bool { command.map { $0.outcome == nil } ?? false }

    /// Where the output begins of what may wait for input; nil: nothing runs.
    var openBegin: Int? {
        if let typed = state.typed { return typed.begin }
        guard let command, command.outcome == nil, state.isRunning || !hasMarks else { return nil }
        return command.begin
    }

    /// Where the output of the next command begins, whatever a job in the background prints.
    func nextBegin(_ start: Int) -> Int { rest?.end ?? command?.end ?? start }
}
