// One command of a session, from its typing to its outcome. Invariant: `outcome` is set once; its
// output is `begin..<end` of the session's log.
import Loop
import Terminal

/// A command that was given to a session's shell.
@IO final class SessionCommand {
    /// Its handle.
    let id: String
    private let start: Start

    /// Where its output begins.
    var begin: Int
    /// Where its output ends, once it has ended.
    var end: Int?
    /// Bytes at the end that an open here-document took from the typed line.
    var sentinelBytes = 0
    /// How it ended, and when; and what it belongs to if its shell, inside another, has ended.
    private var over: (outcome: CommandOutcome, at: ContinuousClock.Instant, left: Left?)?
    /// Output that came before its line was typed, and that its caller has not been given.
    var late = 0..<0
    /// The jobs of its shell when its line was typed, and at its end; nil: not counted there.
    var jobs: (before: Int, after: Int?) = (0, nil)
    /// Whether input that a client had typed at the prompt was cleared for it.
    var clearedPrompt = false
    /// What was done when its time limit passed; nil if it has not passed.
    var expiry: String?
    /// Whether a client had it ended.
    var isCancelled = false
    /// Interrupts it when its time limit has passed.
    var deadline: LoopTimer?
    /// Called when it has ended, and again if that is judged anew.
    var onEnd: (@IO (SessionCommand) -> Void)?
    /// The lines of it that are still to be typed.
    var typing = Typing()

    /// The note when its time limit has passed.
    static let expiryNote = "timeout_s passed: Ctrl-C was sent"

    /// What it began with.
    private struct Start {
        let preview: String
        let directory: String?
        let moment = IO.now
    }

    /// The code, cut to 200 characters.
    var preview: String { start.preview }
    /// When it was started.
    var started: ContinuousClock.Instant { start.moment }
    /// The shell's working directory at its start, if known.
    var directory: String? { start.directory }

    /// What a command whose shell has ended belongs to.
    struct Left {
        /// The outer shell's command that had started the shell.
        let around: SessionCommand?
    }

    /// The lines of a command, until they are typed.
    struct Typing {
        /// Lines that collect long code.
        var pieces: ArraySlice<[UInt8]> = []
        /// The number of pieces typed but not yet taken by the shell.
        var onTheirWay = 0
        /// The line that runs it.
        var line: [UInt8] = []
    }

    init(id: String, code: String, begin: Int, in directory: String?) {
        self.id = id
        start = Start(preview: String(code.prefix(200)), directory: directory)
        self.begin = begin
    }

    func finish(_ outcome: CommandOutcome, at end: Int) {
        guard self.outcome == nil else { return }
        over = (outcome, IO.now, nil)
        self.end = end
        deadline?.cancel()
        deadline = nil
        typing = Typing()
        onEnd?(self)
    }

    /// The shell it ran in, which `around` had started, has ended.
    func leave(to around: SessionCommand?, at end: Int) {
        finish(.leftShell, at: end)
        over?.left = Left(around: around)
    }

    /// Its shell reported that it ended, but it was stopped.
    func foundStopped() {
        guard outcome?.state == .done else { return }
        over?.outcome = .stoppedUnseen
        onEnd?(self)
    }

    /// How it ended.
    var outcome: CommandOutcome? { over?.outcome }
    /// Set once its shell, inside another, has ended.
    var left: Left? { over?.left }
    /// When it ended.
    var ended: ContinuousClock.Instant? { over?.at }

    /// The milliseconds it took, or has taken so far.
    var durationMS: Int {
        let (seconds, attoseconds) = (started.duration(to: ended ?? IO.now)).components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
