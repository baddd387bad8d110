// One shell of a session: its kind, its process, and its state. A session has a stack of them:
// adopting a shell pushes one, its end pops it. Console drives the innermost.
// Invariant: `state` says what the shell does, and nothing else does.
import Loop
import Terminal

/// A shell on a session's terminal.
@IO final class SessionShell {
    /// The nonce that its marks carry.
    let nonce: Nonce
    /// Its kind.
    var profile = ShellProfile.dash
    /// Its name as reported: `bash`, or `bash (from fish)`.
    var name = ""
    /// What it reported about itself when it was asked.
    var identity: Identity?
    /// Where its process is found.
    var place = Place.unknown
    /// What it is doing, according to its marks.
    var state = ShellState()
    /// Whether it prints marks; devices and raw terminals print none.
    var hasMarks = true
    /// Which process it is, from before it was asked; nil: the kernel has not shown it.
    var login: LoginShell?
    /// Whether its login runs, and may ask something: it has not been set up.
    var isLogin = false
    /// Whether it is set up as soon as the login has brought it to its prompt.
    var goesOn = false
    /// Its newest command.
    var command: SessionCommand?
    /// Where a client's input at its prompt ended, since its newest command.
    var rest: Int?
    /// Where the newest prompt began: what hooks print before it is nobody's output.
    var promptBegin = 0
    /// The jobs that the kernel showed as stopped.
    var stoppedJobs: Set<Int> = []

    init(nonce: Nonce) { self.nonce = nonce }

    /// Who answered the question at set-up.
    struct Identity: Equatable {
        var process: Int, image: Int?, terminal: String, program: String
        /// Its terminal, if it named one.
        var device: String? { terminal.hasPrefix("/dev/") ? terminal : nil }
        /// The name of its program, without folders.
        var name: String { program.split(separator: "/").last.map(String.init) ?? "?" }
    }

    /// Where the shell runs, according to the kernel that can be asked.
    enum Place: Equatable {
        /// The kernel has not shown it yet.
        case unknown
        /// On this host, as this process (in a PID namespace the shell sees another number).
        case here(process: Int)
        /// On another host, in a container, as another user.
        case elsewhere
    }

    /// Its process, if the kernel can be asked about it.
    var process: Int? {
        if case .here(let process) = place { return process }
        return nil
    }

    /// Its terminal's device, if the kernel can be asked about it.
    var terminal: String? { process == nil ? nil : identity?.device }

    /// The question to the kernel about it; nil if none can be asked.
    var question: Probe.Question? {
        if identity == nil { return login?.question }
        guard let process, let terminal else { return nil }
        return Probe.Question(process: process, terminal: terminal)
    }

    /// Whether a command has not ended yet.
    var isRunning: Bool { command.map { $0.outcome == nil } ?? false }

    /// Where the output of the running command or input begins; nil if nothing runs.
    var openBegin: Int? {
        if state.phase == .login { return 0 }
        if let typed = state.typed { return typed.begin }
        guard let command, command.outcome == nil, state.isRunning || !hasMarks else { return nil }
        return command.begin
    }

    /// Where the output of the next command begins, whatever a job in the background prints.
    func nextBegin(_ start: Int) -> Int { max(rest ?? command?.end ?? start, promptBegin) }
}
