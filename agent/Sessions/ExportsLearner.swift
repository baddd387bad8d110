// What another shell is given when this one is gone: the variables that commands have exported. A
// command that may have changed them brings the question in its own line, behind mark E; where that is
// not answered it is asked again while the session is idle. So nobody waits for it.
// Invariant: values are kept in memory alone, at most `Exports.sizeLimit` bytes; they reach no log, no
// result and no list.
import Loop
import Terminal

/// Learns what a session's own shell has exported.
@IO final class ExportsLearner {
    /// What the shell has exported, when it was asked last; nil: it was not.
    private(set) var known: Exports?
    /// A command may have changed them.
    private(set) var isDue = false
    private unowned let console: Console
    private var timer: LoopTimer?

    /// Time after a command until a session counts as idle: a client that goes on at once is not
    /// made to wait for a question.
    private static let idleTime = Duration.milliseconds(500)
    /// Time a new shell is given to tell its variables.
    private static let answerTime = Duration.seconds(3)
    /// Time what is typed next waits for the prompt behind our own line.
    private static let quietTime = Duration.milliseconds(500)

    init(_ console: Console) { self.console = console }

    /// The line that asks is typed and the prompt is not back.
    private var isAsking: Bool { console.shell.state.phase == .quiet }

    /// Whether a command may export something that is to be learned.
    func learns(from code: String) -> Bool { console.depth == 0 && Exports.mayChange(code) }

    /// A command was given: it may export something.
    func note(_ code: String) {
        stop()
        if !isDue, learns(from: code) { isDue = true }
    }

    /// The prompt is back: there may be something to learn.
    func promptIsBack() {
        guard isDue, console.depth == 0, timer == nil else { return }
        timer = LoopTimer(after: Self.idleTime) { [weak self] in
            self?.timer = nil
            self?.ask()
        }
    }

    /// Asks nothing more.
    func stop() {
        timer?.cancel()
        timer = nil
    }

    /// The shell's answer.
    func learn(_ environment: [UInt8]) {
        known = Exports(environment)
        isDue = false
    }

    /// Types nothing between our line and its prompt.
    func waitForQuiet() async {
        guard isAsking else { return }
        await console.waiters.wait(until: IO.now + Self.quietTime) { !self.isAsking }
    }

    private func ask() {
        guard isDue, console.depth == 0, console.shell.state.phase == .ready,
            !console.shell.isRunning, console.occupation == nil, console.transport.unsent == 0
        else { return }
        isDue = false
        console.shell.state.typedQuietly()
        console.type(Exports.question(nonce: console.shell.nonce))
    }

    // MARK: A new shell

    /// What a shell that is gone had exported and this new one has not.
    func missing(from old: ExportsLearner) async -> [(name: String, value: String)] {
        guard let exports = old.known else { return [] }
        isDue = true
        ask()
        await console.waiters.wait(until: IO.now + Self.answerTime) { !self.isAsking }
        return exports.missing(in: known ?? Exports([]))
    }

    /// The new shell was given what the old one had: there is nothing to learn before a command.
    func takeOver(from old: ExportsLearner) {
        if let exports = old.known { known = exports }
        isDue = false
        stop()
    }
}
