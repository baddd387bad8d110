// Learns what commands have exported, for a shell that replaces this one. A command that may export
// asks in its own line, after mark E; without an answer, the agent asks in an idle moment.
// Invariant: values stay in memory (`Exports.sizeLimit`); no log, result or list has them.
import Loop
import Terminal

/// Learns what a session's own shell has exported.
@IO final class ExportsLearner {
    /// What the shell had exported when it was last asked; nil if it never was.
    private(set) var known: Exports?
    /// Whether a command may have changed the variables since.
    private(set) var isDue = false
    private unowned let console: Console
    private var timer: LoopTimer?

    /// Time after a command until a session counts as idle: a client that continues at once does
    /// not have to wait for a question.
    private static let idleTime = Duration.milliseconds(500)
    /// How long to wait for a new shell's variables.
    private static let answerTime = Duration.seconds(3)
    /// How long the next input waits for the prompt after our own line.
    private static let quietTime = Duration.milliseconds(500)

    init(_ console: Console) { self.console = console }

    /// Whether our question has been typed and the prompt is not back yet.
    private var isAsking: Bool { console.shell.state.phase == .quiet }

    /// Whether a command may export something that is to be learned.
    func learns(from code: String) -> Bool { console.depth == 0 && Exports.mayChange(code) }

    /// Notes a command, which may export something.
    func note(_ code: String) {
        stop()
        if !isDue, learns(from: code) { isDue = true }
    }

    /// The prompt is back: asks after `idleTime` if there may be something to learn.
    func promptIsBack() {
        guard isDue, console.depth == 0, timer == nil else { return }
        timer = LoopTimer(after: Self.idleTime) { [weak self] in
            self?.timer = nil
            self?.ask()
        }
    }

    /// Stops the question that was about to be asked.
    func stop() {
        timer?.cancel()
        timer = nil
    }

    /// Takes the shell's answer.
    func learn(_ environment: [UInt8]) {
        known = Exports(environment)
        isDue = false
    }

    /// Waits until the prompt after our own line is back, so that nothing is typed between them.
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
        console.type(console.shell.profile.variablesQuestion)
    }

    // MARK: A new shell

    /// The variables that the old shell had exported and this new one lacks.
    func missing(from old: ExportsLearner) async -> [(name: String, value: String)] {
        guard let exports = old.known else { return [] }
        isDue = true
        ask()
        await console.waiters.wait(until: IO.now + Self.answerTime) { !self.isAsking }
        return exports.missing(in: known ?? Exports([]))
    }

    /// Notes that the new shell was given the old one's variables: until a command there is nothing
    /// to learn.
    func takeOver(from old: ExportsLearner) {
        if let exports = old.known { known = exports }
        isDue = false
        stop()
    }
}
