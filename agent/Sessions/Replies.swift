// What the terminal answers to programs that ask it something (where the cursor is, what it can
// do). The screen makes the answers; here each waits until the kernel shows a program that reads
// it, as an answer that comes too late is typed at the shell's prompt.
// Invariant: nothing is answered at a prompt, and no host gets more than `ReplyBudget` allows.
import Loop
import Programs
import Terminal
import Wire

/// Sends the terminal's answers to the programs that asked.
@IO final class Replies {
    /// The terminal; set once, by the console itself.
    weak var console: Console?
    private var waiting: [UInt8] = []
    private var asked = IO.now
    private var budget = ReplyBudget(now: IO.now)
    private var isAtWork = false
    /// When an answer was last sent; nil: none since the last prompt.
    private var sent: ContinuousClock.Instant?
    /// Whether an answer may stand at the prompt, as its program ended soon after it was sent.
    private(set) var mayBeAtPrompt = false

    /// Time after an answer was sent by which its program has read it, over the slowest lines.
    private static let readingTime = Duration.seconds(2)

    /// Whether something has the terminal that may ask: not the shell at its prompt.
    var mayAsk: Bool { console.map { Self.mayAsk($0.shell) } ?? false }

    private static func mayAsk(_ shell: SessionShell) -> Bool {
        guard shell.hasMarks else { return true }
        return switch shell.state.phase {
        // A shell asks when it starts (fish 4), and its prompt's functions may.
        case .login, .asking, .ending: true
        case .command: shell.state.isRunning
        case .typing(let input): input.isEntered
        case .arming, .ready, .quiet, .ended: false
        }
    }

    /// Takes answers of the terminal to what was just drawn.
    func take(_ bytes: [UInt8]) {
        guard mayAsk, budget.spend(bytes.count, at: IO.now) else { return }
        waiting += bytes
        asked = IO.now
        guard !isAtWork else { return }
        isAtWork = true
        IO.task { [weak self] in
            await self?.send()
            self?.isAtWork = false
        }
    }

    /// The shell is at its prompt: what is not answered yet never is.
    func promptIsBack() {
        waiting = []
        guard let sent else { return }
        mayBeAtPrompt = IO.now - sent < Self.readingTime
        self.sent = nil
    }

    /// What stood at the prompt has been cleared.
    func cleared() { (mayBeAtPrompt, sent) = (false, nil) }

    /// Whether an answer was sent while the shell was asked what it is, so that it may stand at its
    /// prompt.
    var precedesSetUp: Bool { sent != nil }

    private func send() async {
        while !waiting.isEmpty, let console, console.end == nil {
            let begin = console.shell.openBegin
            let probe = begin == nil ? nil : await console.asker.ask()
            guard mayAsk, begin == console.shell.openBegin, !waiting.isEmpty else { break }
            let now = IO.now
            let scene = ReplyRule.Scene(
                age: now - asked, silence: now - console.lastOutput,
                isLast: console.display.isAskedLast,
                drawsScreen: console.display.modes.isAlternate,
                hasEditor: console.shell.profile.editor != .none || console.shell.isLogin,
                isKernelSlow: begin != nil && console.asker.canAsk)
            switch ReplyRule.step(probe, scene) {
            case .send:
                let bytes = waiting
                (waiting, sent) = ([], now)
                console.watch.replied(at: now)
                console.transport.write(bytes)
            case .rest(let time):
                await console.waiters.wait(until: now + time) { !mayAsk }
            case .drop: waiting = []
            }
        }
        waiting = []
    }
}

/// How many bytes of answers a host gets: a hostile one must not make the agent write, or ask the
/// kernel, without end.
struct ReplyBudget {
    /// The most bytes at once: 256 questions for a colour of the palette are 6 KiB.
    private static let most = 8192.0
    /// Bytes in a second: an editor that asks for the cursor at each of 50 keys.
    private static let perSecond = 512.0

    private var left = most
    private var filled: ContinuousClock.Instant

    init(now: ContinuousClock.Instant) { filled = now }

    /// Takes this number of bytes from the budget; false if it does not hold them.
    mutating func spend(_ count: Int, at now: ContinuousClock.Instant) -> Bool {
        left = min(Self.most, left + (now - filled) / .seconds(1) * Self.perSecond)
        filled = now
        guard Double(count) <= left else { return false }
        left -= Double(count)
        return true
    }
}

/// Decides whether an answer may be sent, from what the kernel shows of the terminal.
///
/// Pure: times come in.
enum ReplyRule {
    /// What is known besides the kernel's answer.
    struct Scene {
        /// Time since the newest question.
        var age: Duration
        /// Time since the terminal last sent something.
        var silence: Duration
        /// Whether nothing came after the question.
        var isLast: Bool
        /// Whether the alternate screen is shown.
        var drawsScreen: Bool
        /// Whether the shell's own editor makes the terminal raw at its prompt.
        var hasEditor: Bool
        /// Whether the kernel has answered before, and is only slow now.
        var isKernelSlow: Bool
    }

    /// What to do with an answer.
    enum Step: Equatable {
        case send
        /// Asks the kernel again after this time.
        case rest(Duration)
        case drop
    }

    /// Age of a question after which its program has given up, or never waited: the usual limits
    /// are 1 and 2 s.
    static let patience = Duration.seconds(3)
    /// Time for a program to make its terminal raw after it has asked.
    static let pause = Duration.milliseconds(40)
    /// Age after which a program that has made its terminal raw counts as one that reads it, in
    /// whatever system call it sleeps.
    static let reading = Duration.milliseconds(300)
    /// Time without output after which what is not known to have ended waits: marks, and lines that
    /// other output ends with, come sooner over nearly all links.
    static let quiet = Duration.milliseconds(400)

    static func step(_ probe: Probe?, _ scene: Scene) -> Step {
        guard scene.age < patience else { return .drop }
        guard let probe else { return scene.isKernelSlow ? .rest(pause) : unknown(scene) }
        guard let modes = probe.modes else { return unknown(scene) }
        // Who reads whole lines would get the answer at the beginning of the next one.
        guard !modes.isCanonical, probe.verdict != .secret, probe.verdict != .stopped else {
            return .rest(pause)
        }
        // The shell reads a key for a command, or is at its prompt and its mark on the way.
        if probe.shellIsAlone, scene.hasEditor { return rest(scene, for: quiet) }
        if probe.isCarried { return unknown(scene) }
        return probe.waitsForInput || scene.age >= reading ? .send : .rest(pause)
    }

    /// Nobody shows who reads: an answer is sent to a program that draws a screen, and to one that
    /// has been silent since it asked.
    private static func unknown(_ scene: Scene) -> Step {
        if scene.drawsScreen { return .send }
        return scene.isLast ? rest(scene, for: quiet) : .drop
    }

    private static func rest(_ scene: Scene, for time: Duration) -> Step {
        scene.silence >= time ? .send : .rest(max(time - scene.silence, .milliseconds(1)))
    }
}
