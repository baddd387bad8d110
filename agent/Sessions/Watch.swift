// Decides whether the running program waits for input, from the kernel's answers (`Probe.verdict`),
// what the terminal sent and was sent, and when: the result is a finding, or when to look again. A
// value without clock, task or kernel; Asker keeps the time.
// Invariant: an input state other than `maybe_input` rests on an answer newer than all I/O.
import Terminal
import Wire

/// What is known of the program that has the terminal.
struct Watch {
    typealias Instant = ContinuousClock.Instant

    /// What the running program was found to wait for.
    struct Finding: Equatable {
        var state: CommandState
        var prompt: String?
        var evidence: Evidence
    }

    /// Holds until the next output, input or mark.
    private(set) var finding: Finding?
    /// The foreground program, as far as known.
    private(set) var foreground: String?
    /// A program in the foreground that started a shell without marks, which waits for a command.
    private(set) var unmarked: String?
    /// Whether the shell itself was found waiting while a command counted as running.
    private(set) var shellWaits = false
    /// Whether the kernel has answered in this session.
    private(set) var isHeard = false
    /// When the terminal last sent something.
    private var received: Instant
    /// Whether the terminal is held off, and so has more to send.
    private var isHeld = false
    /// When something was last typed: an older answer says nothing about now.
    private(set) var lastInput: Instant
    /// When someone last typed; the terminal's own answers to a program do not count.
    private(set) var lastTyped: Instant
    /// Whether the last input went to a program, and so may end it.
    private var isTyped = false
    /// Whether the last input ended in the beginning of a key's sequence.
    private var isCut = false
    /// When an answer first showed that the input had reached the host; nil if none has yet.
    private var arrived: Instant?
    /// When the newest answer came or was given up.
    private var lastLook: Instant?
    /// Time from the typing of a command to its first mark: output may be as late as that.
    private var roundTrip = Duration.zero

    /// Begins with a terminal that has just been opened.
    init(now: Instant) { (received, lastInput, lastTyped) = (now, now, now) }

    // MARK: What happens

    /// The terminal sent something.
    mutating func received(at now: Instant) { received = now }

    /// The terminal is held off, as it sends more than can be drawn, or is released.
    mutating func held(_ isHeld: Bool, at now: Instant) { (self.isHeld, received) = (isHeld, now) }

    /// When the terminal last sent something; now, if it is held off, as it has more to send.
    func lastOutput(_ now: Instant) -> Instant { isHeld ? now : received }

    /// The output has grown: a question that was found is answered, or is not the last one.
    mutating func printed() {
        if finding?.state != .fullscreen { finding = nil }
    }

    /// Something is typed: no finding holds any more.
    ///
    /// `toProgram`: it goes to a program, which it may end; `isCut`: it ends in ESC, with which the
    /// sequences of keys begin, so that a program waits up to a second for the rest (ncurses'
    /// ESCDELAY) before it acts.
    mutating func typed(at now: Instant, toProgram: Bool = false, isCut: Bool = false) {
        (finding, foreground, unmarked) = (nil, nil, nil)
        (shellWaits, isTyped, self.isCut, arrived) = (false, toProgram, isCut, nil)
        (lastInput, lastTyped) = (now, now)
    }

    /// The terminal answers what the program asked it: the program goes on.
    mutating func replied(at now: Instant) { (finding, lastInput) = (nil, now) }

    /// The command that was typed last has begun: its first mark is here.
    mutating func began(at now: Instant) { roundTrip = min(now - lastInput, Times.working) }

    /// The running program has ended.
    mutating func ended() { (finding, foreground) = (nil, nil) }

    /// The kernel answered, outside of a look, about a shell at whose prompt something was typed.
    mutating func saw(_ probe: Probe, _ scene: Scene) { unmarked = scene.shellWithoutMarks(probe) }

    /// The kernel showed which program has the terminal.
    mutating func named(_ probe: Probe) { foreground = probe.foreground }

    /// The kernel answered.
    mutating func heard() { isHeard = true }

    /// Whether a look now would only repeat the newest one.
    func isFresh(_ now: Instant) -> Bool {
        guard let lastLook, lastLook > lastOutput(now) else { return false }
        return now - lastLook < Times.fresh
    }

    /// The most bytes of output with which a reading shell counts as one that asks.
    ///
    /// They hold a question and what precedes it; after more output, the end mark may be on its
    /// way.
    private static let questionBytes = 512

    // MARK: Looking

    /// A series of probes, until an answer decides.
    struct Look {
        /// Where the output of the program began that was asked about.
        fileprivate let begin: Int
        fileprivate var asked: (output: Instant, input: Instant)
        fileprivate var overtaken = 0
        fileprivate var rests = 0
    }

    /// What follows an answer.
    enum Step: Equatable {
        /// It decides: the result is in `finding`, which may be nil.
        case over
        /// Output or input came after its question.
        case again
        /// It may have come too early; `atOutput`: output ends the rest.
        case rest(Duration, atOutput: Bool)
    }

    /// The answers that output or input may overtake before a look is given up: the next look
    /// follows.
    private static let overtakings = 3
    /// The most rests in one look: at 20 to 200 ms each, they end after some seconds.
    private static let restLimit = 40

    /// Begins a look.
    func look(_ scene: Scene, at now: Instant) -> Look {
        Look(begin: scene.begin, asked: (lastOutput(now), lastInput))
    }

    /// Asks the next question of a look.
    func ask(_ look: inout Look, at now: Instant) {
        look.asked = (lastOutput(now), lastInput)
    }

    /// Judges the kernel's answer; nil means that it gave none.
    mutating func answered(
        _ probe: Probe?, to look: inout Look, _ scene: Scene, at now: Instant
    ) -> Step {
        lastLook = now
        guard let probe else {
            guess(scene, now)
            return .over
        }
        if scene.begin == look.begin, look.asked.input == lastInput {
            if arrived != nil, probe.shellIsAlone, probe.verdict != .running { shellWaits = true }
            // A program that draws on the screen may never be silent.
            let isNew =
                look.asked.output == lastOutput(now)
                || look.overtaken >= Self.overtakings - 1 && scene.wants(probe) == .fullscreen
            let unrest =
                isNew && look.rests < Self.restLimit ? unrest(of: probe, scene, look, now) : .zero
            if arrived == nil { arrived = now }
            if isNew, unrest == .zero {
                judge(probe, scene, now)
                return .over
            }
            foreground = probe.foreground
            if unrest > .zero {
                look.rests += 1
                return .rest(unrest, atOutput: !scene.asks(probe))
            }
        }
        look.overtaken += 1
        return look.overtaken < Self.overtakings ? .again : .over
    }

    /// How long to rest before the next question, as this answer may have come too early; zero if
    /// not.
    private func unrest(of probe: Probe, _ scene: Scene, _ look: Look, _ now: Instant) -> Duration {
        scene.asks(probe)
            ? unrest(asking: probe, scene, now) : unrest(drawing: probe, scene, look.rests, now)
    }

    /// A program reads a line: its question, and the input to it, may still be on their way.
    private func unrest(asking probe: Probe, _ scene: Scene, _ now: Instant) -> Duration {
        // The question itself arrives through another channel than the kernel's answer.
        let quiet = now - max(lastInput, lastOutput(now))
        // A program that has made the terminal raw, and is not seen reading it, may only have
        // begun; one that passes on what is shown elsewhere says no more than its text.
        let isVague = probe.verdict == .keys && (probe.isCarried || !probe.readsTerminal)
        // A pinentry always says what it asks for.
        let isSilent = probe.hasSecretAsker && !scene.drawsScreen
        let early =
            probe.isWorking || isSilent
            ? Times.working : isVague ? Times.picture : Times.travel
        if quiet < early, scene.prompt(probe) == nil || probe.isCarried { return Times.travel / 2 }
        // The command may have ended, with output and the mark on their way: much output takes
        // longer, and a shell that shows no question is more likely at its prompt.
        let isBehind =
            scene.outputBytes > Self.questionBytes
            || scene.typed == nil && scene.prompt(probe) == nil
        if probe.shellIsAlone, quiet < max(isBehind ? Times.working : Times.travel, roundTrip) {
            return Times.travel / 2
        }
        // Input is echoed, or has an effect, before the program that waited for it waits again.
        let limit = probe.modes?.echoes == true ? Times.working : Times.picture
        if isTyped, lastOutput(now) <= lastInput, now - lastInput < limit { return Times.letter }
        // The input and this question may have arrived together, after a stall.
        if isTyped, arrived == nil { return Times.taking }
        // A slow terminal shows the question letter by letter.
        return max(Times.letter - (now - lastOutput(now)), .zero)
    }

    /// A program has made the terminal raw or draws on the alternate screen: it may be about to
    /// begin or to end.
    private func unrest(
        drawing probe: Probe, _ scene: Scene, _ rests: Int, _ now: Instant
    ) -> Duration {
        let isFullscreen = probe.verdict == .keys
        let waits = probe.waitsForInput
        let rest = Times.drawing / 2
        // A program that is about to begin or to end may leave the terminal raw without using it.
        if isFullscreen, !waits, !scene.drawsScreen, rest * rests < Times.picture { return rest }
        // A picture stays for a moment after a key has ended its program.
        guard isTyped, isFullscreen || scene.drawsScreen else { return .zero }
        let reached = arrived ?? now
        guard now - reached < (waits ? Times.picture : Times.working) else { return .zero }
        // A key that draws nothing may be the program's end, which takes its time.
        guard waits, !isCut, lastOutput(now) > lastInput else { return rest }
        let quiet = now - lastOutput(now)
        return quiet < Times.drawing ? max(Times.drawing - quiet, Times.least) : .zero
    }

    // MARK: Judging

    private mutating func judge(_ probe: Probe, _ scene: Scene, _ now: Instant) {
        foreground = probe.foreground
        unmarked = scene.shellWithoutMarks(probe)
        let verdict = probe.verdict
        shellWaits = probe.shellIsAlone && verdict != .running
        finding = nil
        if scene.goesOn, unmarked != nil {
            // The login is over: nothing asks.
            unmarked = nil
            return
        }
        if let typed = scene.typed, probe.shellIsAlone, unmarked == nil {
            return judge(typed, verdict)
        }
        let draws = scene.drawsScreen && !probe.shellIsAlone
        switch verdict {
        case .secret: ask(.secret, scene)
        case .stopped: finding = Finding(state: .stopped, evidence: .probe)
        case .keys: judge(keys: probe, scene, now)
        case .unknown where probe.pager != nil && probe.waitsForInput,
            .running where draws, .lineInput where draws, .unknown where draws:
            finding = Finding(state: .fullscreen, evidence: .probe)
        case .lineInput: ask(scene.wants(probe) ?? .lineInput, scene)
        case .unknown: guess(scene, now)
        // A question of another user's program shows in the text alone.
        case .running where probe.hidesReader && !probe.isWorking: guess(scene, now)
        case .running: break
        }
    }

    private mutating func ask(_ state: CommandState, _ scene: Scene) {
        finding = Finding(state: state, prompt: scene.openLine, evidence: .probe)
    }

    /// A program reads keys: at its prompt, or it draws the screen.
    private mutating func judge(keys probe: Probe, _ scene: Scene, _ now: Instant) {
        guard let state = scene.wants(probe) else { return }
        let prompt = scene.prompt(probe)
        guard probe.isCarried, state != .fullscreen else {
            finding = Finding(state: state, prompt: prompt, evidence: .probe)
            return
        }
        // What is asked elsewhere shows in the text alone.
        guard let prompt, PromptGuess.mayAsk(prompt),
            now - max(lastOutput(now), lastInput) >= Times.picture
        else { return }
        finding = Finding(state: .maybeInput, prompt: prompt, evidence: .regex)
    }

    /// The shell reads the client's input at its prompt, or is at work on it.
    private mutating func judge(_ typed: TypedInput, _ verdict: Probe.Verdict) {
        guard verdict == .lineInput else { return }
        if typed.wantsMore {
            finding = Finding(state: .incomplete, evidence: .mark)
        } else if !typed.isEntered {
            finding = Finding(state: .lineInput, evidence: .probe)
        }
    }

    /// Without an answer of the kernel, judges by the output alone, once the input has had its
    /// time.
    private mutating func guess(_ scene: Scene, _ now: Instant) {
        let sinceInput = now - lastInput
        // A line that was shown before the input is the question that was answered; a kernel that
        // answered before is only slow.
        let isAnswered = isTyped && lastOutput(now) <= lastInput
        let silence = isAnswered || isHeard ? Times.silence + Times.working : Times.silence
        if scene.typed?.wantsMore == true {
            guard sinceInput >= Times.silence else { return }
            finding = Finding(state: .incomplete, evidence: .mark)
        } else if scene.drawsScreen {
            // A kernel that answered before is slow, and so is the mark of a program that a key has
            // ended.
            let ending = isHeard ? Times.silence + Times.working : Times.silence
            guard sinceInput >= (isTyped ? ending : Times.picture) else { return }
            finding = Finding(state: .fullscreen, evidence: .regex)
        } else if min(now - lastOutput(now), sinceInput) >= silence,
            let line = scene.openLine,
            PromptGuess.isQuestion(line)
        {
            finding = Finding(state: .maybeInput, prompt: line, evidence: .regex)
        }
    }
}
