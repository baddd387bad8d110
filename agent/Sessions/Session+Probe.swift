// While something runs and somebody waits: does it wait for input? The kernel is asked in ProbePace's
// time, beside the wait, which it never prolongs; where it cannot be asked, a silent question at the
// end of the output counts as a guess, told as one.
// Invariant: what is found holds until the next output, input or mark.
import Loop
import Terminal
import Wire

extension Session {
    /// What runs was found to wait for.
    struct Need: Equatable {
        var state: CommandState
        var prompt: String?
        var evidence: Evidence
    }

    /// How the asking stands.
    struct Probing {
        var isAsking = false
        var lastLook: ContinuousClock.Instant?
        /// The kernel has told something in this session.
        var isHeard = false
        /// Text or keys went to the terminal; an older answer says nothing about now.
        var lastInput = IO.now
        /// That was typed to a program: it may end it.
        var isTyped = false
        /// An answer has come since: what was typed before its question has reached the host.
        var hasArrived = false
        /// The shell itself was found waiting while a command counted as running.
        var shellWaits = false
        var stoppedJobs: Set<Int> = []
        /// What brings its own shell and waits in the foreground: marks are lost.
        var unmarked: String?
    }

    static let guessNote = "low confidence: guessed from the output alone"

    /// Silence after which the text alone is looked at.
    private static let silence = Duration.seconds(2)
    /// After input, a picture that stays for so long is a program that goes on.
    private static let patience = Duration.seconds(1)
    /// The same for a program that works on, and waits for no key.
    private static let longPatience = Duration.seconds(3)
    /// A picture that rests for so long is drawn: vim, asked to end, first waits 100 ms for the
    /// terminal's late answers.
    private static let rest = Duration.milliseconds(160)
    /// Output that was written before a look is here so long after it.
    private static let travel = Duration.milliseconds(400)
    /// A letter comes this soon after the one before; a console of 300 baud takes 33 ms for each.
    private static let letterTime = Duration.milliseconds(120)
    /// A program has taken what was typed so long after it arrived.
    private static let takingTime = Duration.milliseconds(30)
    /// What is waited for an answer that decides; over a slow link it takes its time.
    static let probeTime = Duration.seconds(5)
    /// The same where no other word tells a stop from an end.
    private static let jobsTime = Duration.seconds(10)
    /// What a read waits for a fresh look.
    private static let glanceLimit = Duration.milliseconds(100)
    private static let glanceRest = Duration.milliseconds(300)

    /// A line typed at the prompt by a client has not come to its end.
    var isDirectOpen: Bool { direct?.isOver == false && end == nil }

    /// Where the output begins of what may wait for input; nil: nothing runs.
    var openBegin: Int? {
        if isDirectOpen { return direct?.begin }
        guard let command, command.outcome == nil, state.phase == .running || !isShell
        else { return nil }
        return command.begin
    }

    /// Input goes to the terminal: nothing that was found holds any more.
    func forgetFindings(isTyped: Bool = false) {
        need = nil
        foreground = nil
        probing.unmarked = nil
        probing.lastInput = IO.now
        probing.isTyped = isTyped
        probing.hasArrived = false
        probing.shellWaits = false
    }

    // MARK: Waiting

    /// Waits for a command's end, the deadline, or until it is found to need input.
    func waitForEnd(of command: SessionCommand, until deadline: ContinuousClock.Instant) async {
        await waitAndLook(until: deadline) { command.outcome != nil }
    }

    /// Waits until `isOver`, the deadline, or (if it `stopsAtNeed`) until what runs is found to need
    /// input.
    func waitAndLook(
        until deadline: ContinuousClock.Instant, orOutput: Bool = false, stopsAtNeed: Bool = true,
        _ isOver: @IO () -> Bool
    ) async {
        var pace = ProbePace(start: IO.now, deadline: deadline)
        while true {
            let next = min(deadline, pace.next(lastOutput: lastOutput))
            await wait(until: next, orOutput: orOutput) {
                isOver() || stopsAtNeed && need != nil
            }
            let now = IO.now
            if isOver() || stopsAtNeed && need != nil || now >= deadline || Task.isCancelled {
                return
            }
            guard now >= pace.next(lastOutput: lastOutput) else { continue }
            guard openBegin != nil else {
                pace.restart(at: now)
                continue
            }
            pace.asked(at: now)
            startLook()
        }
    }

    /// Looks once, unless that was just done; waits a moment for it.
    func glance() async {
        guard openBegin != nil else { return }
        if let last = probing.lastLook, last > lastOutput, IO.now - last < Self.glanceRest {
            return
        }
        startLook()
        await wait(until: IO.now + Self.glanceLimit) { !probing.isAsking }
    }

    // MARK: Looking

    private func startLook() {
        guard !probing.isAsking else { return }
        probing.isAsking = true
        IO.task {
            await self.look()
            self.probing.isAsking = false
            self.wakeAll()
        }
    }

    /// Asks the kernel; again when output or input has overtaken its answer, or where it may be about
    /// to change.
    private func look() async {
        var (attempt, rests) = (1, 0)
        while let begin = openBegin {
            let (output, input) = (lastOutput, probing.lastInput)
            let probe = await askKernel()
            probing.lastLook = IO.now
            guard let probe else { return guess(begin) }
            if begin == openBegin, input == probing.lastInput {
                if probing.hasArrived, probe.shellIsAlone, probe.verdict != .running {
                    probing.shellWaits = true
                    wakeAll()
                }
                // What draws on the screen may never be silent.
                let isNew = output == lastOutput || attempt >= 3 && probe.verdict == .fullscreen
                let unrest = isNew && rests < 40 ? unrest(of: probe, begin, rests) : .zero
                probing.hasArrived = true
                if isNew, unrest == .zero { return judge(probe, begin) }
                foreground = probe.foreground
                if unrest > .zero {
                    rests += 1
                    // Letters of a question may follow each other for a while.
                    let isQuestion = probe.verdict == .lineInput || probe.verdict == .secret
                    await wait(until: IO.now + unrest, orOutput: !isQuestion) {
                        self.openBegin != begin || !isQuestion && self.lastOutput > output
                    }
                    continue
                }
            }
            attempt += 1
            if attempt > 3 { return }
        }
    }

    /// How long to wait before the next look, as this one may have come too early; zero: it has not.
    private func unrest(of probe: Probe, _ begin: Int, _ rests: Int) -> Duration {
        let now = IO.now
        let verdict = probe.verdict
        if verdict == .lineInput || verdict == .secret {
            // The question itself comes by another channel than the probe's answer.
            let quiet = now - max(probing.lastInput, lastOutput)
            let isEarly = quiet < (probe.isWorking ? Self.longPatience : Self.travel)
            if isEarly, openLine(from: begin) == nil { return Self.travel / 2 }
            // What was typed shows, or does something, before what waited for it waits again.
            if probing.isTyped, lastOutput <= probing.lastInput,
                now - probing.lastInput
                    < (probe.modes?.echoes == true ? Self.longPatience : Self.patience)
            {
                return Self.letterTime
            }
            // What was typed and the question may have arrived together, after a stall.
            if probing.isTyped, !probing.hasArrived { return Self.takingTime }
            // A slow terminal shows it letter by letter.
            return max(Self.letterTime - (now - lastOutput), .zero)
        }
        let waits = probe.waitsForInput
        // What is about to run, or to end, may find the terminal raw and never look at it.
        let isPassing = verdict == .fullscreen && !waits && !display.modes.isAlternate
        if isPassing, Self.rest / 2 * rests < Self.patience { return Self.rest / 2 }
        // A picture stays on for a moment when a key has ended its program.
        guard probing.isTyped, verdict == .fullscreen || display.modes.isAlternate,
            now - probing.lastInput < (waits ? Self.patience : Self.longPatience)
        else { return .zero }
        let isDrawn = lastOutput > probing.lastInput
        guard isDrawn || probing.hasArrived else { return Self.rest / 2 }
        let quiet = isDrawn ? now - lastOutput : (now - probing.lastInput) / 2
        guard waits, quiet < Self.rest else { return waits ? .zero : Self.rest / 2 }
        return max(Self.rest - quiet, .milliseconds(20))
    }

    func askKernel() async -> Probe? {
        if unplaced != nil { await placeAgain() }
        guard let process = shellProcess, let terminal = terminalName,
            let question = Probe.Question(process: process, terminal: terminal),
            let answer = await transport.ask(question), let probe = Probe(answer)
        else { return nil }
        probing.isHeard = true
        return probe
    }

    /// The kernel has told before, and can be asked about the shell that is driven.
    var canAskKernel: Bool {
        probing.isHeard && end == nil && (shellProcess != nil || unplaced != nil)
    }

    /// The kernel's answer; where it told before and is only slow it is asked again.
    func hearKernel(within limit: Duration) async -> Probe? {
        let probe = await IO.within(limit) { () async -> Probe? in
            while true {
                if let probe = await self.askKernel() { return probe }
                guard self.canAskKernel, !Task.isCancelled else { return nil }
                await self.wait(until: IO.now + .milliseconds(100)) { self.end != nil }
            }
        }
        return probe.flatMap { $0 }
    }

    private func judge(_ probe: Probe, _ begin: Int) {
        foreground = probe.foreground
        probing.unmarked = shellWithoutMarks(probe)
        let verdict = probe.verdict
        probing.shellWaits = probe.shellIsAlone && verdict != .running
        need = nil
        // After a line that a client typed, this is the prompt.
        if isDirectOpen, isShell, probe.shellIsAlone, probing.unmarked == nil {
            return judgePrompt(verdict)
        }
        let draws = display.modes.isAlternate && !probe.shellIsAlone
        let state: CommandState
        switch draws && verdict != .secret && verdict != .stopped ? .fullscreen : verdict {
        case .running: return
        case .unknown: return guess(begin)
        case .lineInput: state = .lineInput
        case .secret: state = .secret
        case .fullscreen: state = .fullscreen
        case .stopped: state = .stopped
        }
        let asks = state == .lineInput || state == .secret
        need = Need(state: state, prompt: asks ? openLine(from: begin) : nil, evidence: .probe)
    }

    /// The shell that took the terminal and waits for a command; nil: none, as far as this tells.
    func shellWithoutMarks(_ probe: Probe) -> String? {
        switch probe.adoption(drawsScreen: display.modes.isAlternate) {
        case .shell(let name), .carrier(let name): return name
        case .itself:
            guard let name = probe.shellName, Probe.isShell(name) else { return nil }
            if let shellImage, let image = probe.image { return image == shellImage ? nil : name }
            // The shells here have no line editor, but for some: then this is another (exec).
            guard profile.editor == .none else { return nil }
            let isOther = ShellProfile(program: name) != profile
            return isOther || probe.modes?.isCanonical == false ? name : nil
        case .busy, .refused: return nil
        }
    }

    /// The shell reads what a client types at its prompt, or works on it.
    private func judgePrompt(_ verdict: Probe.Verdict) {
        guard verdict == .lineInput, let direct else { return }
        if direct.wantsMore {
            need = Need(state: .incomplete, evidence: .mark)
        } else if !direct.isEntered {
            need = Need(state: .lineInput, evidence: .probe)
        }
    }

    private func guess(_ begin: Int) {
        // What was typed must have had its time: over a slow link it has not even arrived.
        let sinceInput = IO.now - probing.lastInput
        if isDirectOpen, direct?.wantsMore == true {
            guard sinceInput >= Self.silence else { return }
            need = Need(state: .incomplete, evidence: .mark)
            return
        }
        if display.modes.isAlternate {
            guard sinceInput >= (probing.isTyped ? Self.silence : Self.patience) else { return }
            need = Need(state: .fullscreen, evidence: .regex)
            return
        }
        guard min(IO.now - lastOutput, sinceInput) >= Self.silence,
            let line = openLine(from: begin),
            PromptGuess.isQuestion(line)
        else { return }
        need = Need(state: .maybeInput, prompt: line, evidence: .regex)
    }

    func openLine(from begin: Int) -> String? {
        let bytes = log.bytes(max(begin, log.end - 2000)..<log.end)
        return PromptGuess.openLine(of: CleanText.clean(bytes[...]))
    }

    // MARK: After keys

    /// After Ctrl-C the shell waits at a prompt that a command replaced: arms it, so that its mark
    /// tells the end.
    func recoverPrompt(of command: SessionCommand) async {
        guard command.outcome == nil, state.phase == .running else { return }
        if !probing.shellWaits {
            startLook()
            await wait(until: IO.now + Self.patience) {
                self.probing.shellWaits || !self.probing.isAsking || command.outcome != nil
            }
        }
        guard command.outcome == nil, probing.shellWaits else { return }
        transport.write(CommandEncoder.armingLine)
        await wait(until: IO.now + .seconds(1)) { command.outcome != nil }
    }

    /// Before and after Ctrl-Z: mksh and fish go on and do not say that they stopped a job.
    func watchJobs(of command: SessionCommand) async {
        guard !profile.tellsStops else { return }
        guard let jobs = await hearKernel(within: Self.jobsTime)?.stoppedJobs else { return }
        if !jobs.isSubset(of: probing.stoppedJobs) { command.foundStopped() }
        probing.stoppedJobs = jobs
    }
}
