// One command of a session, from its typing to its outcome. Invariant: `outcome` is set once; its
// output is `begin..<end` of the session's log.
import Loop
import Terminal

/// A command that was given to a session's shell.
@IO final class SessionCommand {
    /// Its handle.
    let id: String
    /// The code, cut to 200 characters.
    let preview: String
    /// When it was given.
    let started = IO.now

    /// Where its output begins.
    var begin: Int
    /// Where its output ends, once it is over.
    var end: Int?
    /// Bytes at the end that an open here-document took from the typed line.
    var sentinelBytes = 0
    /// How it ended.
    private(set) var outcome: CommandOutcome?
    /// When it ended.
    private(set) var ended: ContinuousClock.Instant?
    /// Output that came between the command before and this one.
    var lateBytes = 0
    /// What a client had typed at the prompt was cleared for it.
    var clearedPrompt = false
    /// What was done when its time limit passed; nil: it has not.
    var expiry: String?
    /// Its shell, inside another, is over; nil: it is not.
    private(set) var left: Left?
    /// Interrupts it when its time is over.
    var deadline: LoopTimer?
    /// What is still to be typed of it.
    var typing = Typing()

    /// What is said when its time limit passed.
    static let expiryNote = "timeout_s passed: Ctrl-C was sent"

    /// Where a command goes on whose shell is over.
    struct Left {
        /// The command of the outer shell that the shell was.
        let around: SessionCommand?
    }

    /// The lines of a command, until they are typed.
    struct Typing {
        /// Lines that collect long code.
        var pieces: ArraySlice<[UInt8]> = []
        /// Pieces typed and not yet taken.
        var onTheirWay = 0
        /// The line that runs it.
        var line: [UInt8] = []
    }

    init(id: String, code: String, begin: Int) {
        self.id = id
        preview = String(code.prefix(200))
        self.begin = begin
    }

    func finish(_ outcome: CommandOutcome, at end: Int) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        self.end = end
        ended = IO.now
        deadline?.cancel()
        deadline = nil
        typing = Typing()
    }

    /// The shell it ran in, inside the one that runs `around`, is over.
    func leave(to around: SessionCommand?, at end: Int) {
        finish(.leftShell, at: end)
        left = Left(around: around)
    }

    /// Its shell said that it ended, but it was stopped.
    func foundStopped() {
        guard outcome?.state == .done else { return }
        outcome = .stoppedUnseen
    }

    /// Milliseconds it took, or has taken so far.
    var durationMS: Int {
        let (seconds, attoseconds) = (started.duration(to: ended ?? IO.now)).components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
