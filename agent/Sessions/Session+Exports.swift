// What another shell is given when this one is gone: the directory, and the variables that commands
// have exported. A command that may have changed them brings the question in its own line, behind mark
// E; where that is not answered it is asked again while the session is idle. So nobody waits for it.
// Invariant: values are kept in memory alone, at most `Exports.sizeLimit` bytes; they reach no log, no
// result and no list.
import Loop
import Terminal
import Wire

extension Session {
    /// So long after its command a session counts as idle.
    private static let idleTime = Duration.milliseconds(500)
    private static let answerTime = Duration.seconds(3)

    /// How learning the exported variables stands.
    struct Learning {
        /// What the shell itself has exported, when it was asked last.
        var exports: Exports?
        /// A command may have changed them.
        var isDue = false
        /// The line that asks is typed and the prompt is not back.
        var isAsking = false
        var timer: LoopTimer?
    }

    /// Whether a command may export something that is to be learned.
    func learnsExports(of code: String) -> Bool { depth == 0 && Exports.mayChange(code) }

    /// A command was given: it may export something.
    func noteExports(of code: String) {
        learning.timer?.cancel()
        learning.timer = nil
        if !learning.isDue, learnsExports(of: code) { learning.isDue = true }
    }

    /// The prompt is back: there may be something to learn.
    func learnWhenIdle() {
        guard depth == 0, learning.timer == nil else { return }
        learning.timer = LoopTimer(after: Self.idleTime) { [weak self] in
            guard let self else { return }
            self.learning.timer = nil
            self.askExports()
        }
    }

    private var isIdle: Bool {
        state.phase == .ready && !isRunning && !isDirectOpen && !isAdopting && depth == 0
            && end == nil && transport.unsent == 0
    }

    private func askExports() {
        guard isIdle, learning.isDue, !learning.isAsking else { return }
        learning.isDue = false
        learning.isAsking = true
        state.typedQuietly()
        let line = Exports.question(nonce: nonce)
        echo.expect(line)
        transport.write(line)
    }

    /// The shell's answer: the terminal has mapped its line feeds as those of any output.
    func learn(_ environment: [UInt8]) {
        learning.exports = Exports(unmapped(environment))
        learning.isDue = false
    }

    /// Types nothing between our line and its prompt.
    func waitForQuiet() async {
        guard learning.isAsking else { return }
        await wait(until: IO.now + .milliseconds(500)) {
            !self.learning.isAsking || self.end != nil
        }
    }

    // MARK: A new shell

    /// The directory of the session's own shell, the outermost.
    var outermostDirectory: String? { directory(of: outer.first?.state ?? state) }

    /// Gives a new shell the directory and the variables of one that is gone.
    func takeOver(from old: Session) async -> Restored {
        var restored = Restored()
        guard isShell, old.isShell else { return restored }
        if let exports = old.learning.exports {
            learning.isDue = true
            askExports()
            let deadline = IO.now + Self.answerTime
            await wait(until: deadline) { !self.learning.isAsking || self.end != nil }
            let missing = exports.missing(in: learning.exports ?? Exports([]))
            let code = missing.map { profile.exporting($0.name, $0.value) }.joined(separator: "\n")
            if !missing.isEmpty, await succeeds(code) { restored.variables = missing.map(\.name) }
            learning.exports = exports
        }
        if let place = old.outermostDirectory, await succeeds(profile.entering(place)) {
            restored.directory = place
        }
        // None of this was a command of the client's.
        command = nil
        commandCount = 0
        direct = Direct(begin: log.end, isOver: true, end: log.end)
        learning.isDue = false
        learning.timer?.cancel()
        learning.timer = nil
        return restored
    }

    private func succeeds(_ code: String) async -> Bool {
        let result = try? await run(code, wait: .seconds(10), maxBytes: 0)
        return result?.state == .done && result?.exitCode == 0
    }
}
