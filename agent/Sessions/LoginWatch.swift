// Waits for the end of a login before anything is typed: start-up files may run a menu, a pager, a
// question, tmux. The kernel shows the shell at its prompt, or what asks; where no kernel can be
// asked, the text decides.
// Invariant: nothing is typed here, except the key that ends zsh's own first-run questions.
import Loop
import Terminal
import Wire

/// Watches a login.
@IO final class LoginWatch {
    /// How a wait ended.
    enum End {
        /// The shell is at its prompt, or nothing shows that it is not.
        case prompt
        /// Something waits for input; the finding is the console's.
        case asks
        /// The time is over, or the session.
        case over
    }

    private enum Answer {
        case login(LoginShell.Answer)
        /// About the shell that was found; nil: none came.
        case probe(Probe?)
    }

    private let console: Console
    private let begin = IO.now
    private var isAsking = false
    private var askedAt = IO.now
    private var answer: Answer?
    private var look: Watch.Look?
    /// When the kernel is asked next.
    private var next = IO.now
    private var rest = LoginWatch.rests.lowerBound
    /// Since when the host shows no such shell; nil: it has not been asked.
    private var missedSince: ContinuousClock.Instant?
    /// Whether no kernel can be asked.
    private var isBlind = false
    /// Since when the host, which has shown the shell, answers nothing about it.
    private var slowSince: ContinuousClock.Instant?
    /// Since when something has been found to ask.
    private var askingSince: ContinuousClock.Instant?
    private var hasDeclined = false

    /// The time between two questions to the kernel: it doubles while nothing changes.
    private static let rests = Duration.milliseconds(10)...Duration.milliseconds(500)
    /// Time without output from the beginning on, after which the kernel is asked about the shell.
    private static let startTime = Duration.milliseconds(150)
    /// Time after which a shell that its host does not show is taken to be hidden: its process
    /// exists before the server confirms it, its terminal a moment later.
    private static let missTime = Duration.seconds(1)
    /// Time after which a kernel that cannot be asked now counts as one that cannot be asked at
    /// all: the channel to it waits 2 s for an answer, and then rests for 1 s.
    private static let slowTime = Duration.seconds(4)
    /// Time without output after which a line that ends as prompts do is one, where no kernel can
    /// be asked.
    static let promptTime = Duration.milliseconds(100)
    /// Time without output after which a shell that shows no prompt is typed to, where no kernel
    /// can be asked; also the time for the kernel's first answer, over the slowest links.
    private static let blindTime = Duration.seconds(1)

    /// Time for which something must be found to ask: a start-up file may wait a second for a key,
    /// or a program for the terminal's answer.
    private static let askingTime = Duration.milliseconds(1200)

    init(_ console: Console) { self.console = console }

    /// Waits until the login is over, asks something, or the deadline.
    func wait(until deadline: ContinuousClock.Instant) async -> End {
        while console.end == nil, !Task.isCancelled, IO.now < deadline {
            if !isAsking, !isBlind, IO.now >= next { ask() }
            let last = console.lastOutput
            let pause = isAsking || isBlind ? IO.now + Self.promptTime / 2 : next
            // Where the kernel is asked in a moment, output changes nothing.
            let isSoon = next <= max(IO.now, askedAt + Self.rests.lowerBound)
            await console.waiters.wait(until: min(deadline, pause), orOutput: true) {
                answer != nil || console.end != nil
                    || !isAsking && !isSoon && console.lastOutput > last
            }
            decline()
            if let answer {
                self.answer = nil
                if let end = judge(answer) { return end }
            } else if console.lastOutput > last {
                next = min(next, max(IO.now, askedAt + Self.rests.lowerBound))
            }
            if let end = guess() { return end }
        }
        return .over
    }

    // MARK: The kernel

    private func ask() {
        (isAsking, askedAt) = (true, IO.now)
        if let scene = console.scene {
            var now = look ?? console.watch.look(scene, at: IO.now)
            console.watch.ask(&now, at: IO.now)
            look = now
        }
        IO.task { [self] in
            answer =
                console.shell.login == nil
                ? .login(await console.transport.findLogin()) : .probe(await console.asker.ask())
            isAsking = false
            console.waiters.wakeForOutput()
        }
    }

    private func judge(_ answer: Answer) -> End? {
        let now = IO.now
        switch answer {
        case .login(.found(let login)):
            console.shell.login = login
            console.shell.place = .here(process: login.question.process)
            // Nearly all shells show something first.
            let isSilent = console.lastOutput <= begin
            next = isSilent ? max(now, begin + Self.startTime) : now
        case .login(.notYet):
            let since = missedSince ?? now
            missedSince = since
            isBlind = now - since >= Self.missTime
            next = now + Self.rests.lowerBound
        case .login(.unasked):
            let since = missedSince ?? now
            missedSince = since
            isBlind = now - since >= Self.slowTime
            next = now + Self.rests.upperBound
        case .login(.hidden): isBlind = true
        // A host that has shown the shell is only slow, but it may be so until the deadline.
        case .probe(nil):
            slowSince = slowSince ?? askedAt
            next = now + Self.rests.upperBound
        case .probe(let probe?):
            slowSince = nil
            return judge(probe, now)
        }
        return nil
    }

    private func judge(_ probe: Probe, _ now: ContinuousClock.Instant) -> End? {
        guard let scene = console.scene, var look else { return nil }
        if scene.isAtPrompt(probe, silence: askedAt - console.lastOutput) { return .prompt }
        let step = console.watch.answered(probe, to: &look, scene, at: now)
        self.look = look
        switch step {
        case .over:
            self.look = nil
            rest = min(rest * 2, Self.rests.upperBound)
            next = now + rest
            guard let finding = console.watch.finding else {
                askingSince = nil
                break
            }
            if isEmptyPrompt(finding, probe) { return .prompt }
            let since = max(askingSince ?? now, console.lastOutput)
            askingSince = since
            if now - since >= Self.askingTime { return .asks }
        case .again: next = now
        case .rest(let time, _): next = now + time
        }
        if console.lastOutput > askedAt { next = min(next, now + Self.rests.lowerBound) }
        return nil
    }

    /// Whether the shell's line editor waits behind a prompt that has no text, with no question
    /// above it.
    ///
    /// What reads whole lines may be a silent `read` of a start-up file.
    private func isEmptyPrompt(_ finding: Watch.Finding, _ probe: Probe) -> Bool {
        guard finding.state == .lineInput, finding.prompt == nil, probe.shellIsAlone,
            let modes = probe.modes, !modes.isCanonical, !modes.echoes,
            !console.display.modes.isAlternate
        else { return false }
        let shown = SetUp.banner(console.intake.greeting).split(separator: "\n").last
        return shown.map { !PromptGuess.mayAsk(String($0)) } ?? true
    }

    // MARK: The text

    /// Where no kernel can be asked, or none answers: a prompt, or silence without a question, ends
    /// the login.
    private func guess() -> End? {
        let isSlow = slowSince.map { IO.now - $0 >= Self.slowTime } ?? false
        guard console.shell.login == nil || isSlow, let scene = console.scene else { return nil }
        guard !scene.drawsScreen else { return isBlind || isSlow ? guessed(scene) : nil }
        let silence = IO.now - max(console.lastOutput, console.watch.lastInput)
        let line = scene.openLine ?? ""
        if PromptGuess.isShellPrompt(line) {
            return silence >= (isBlind ? Self.promptTime : Self.blindTime) ? .prompt : nil
        }
        guard isBlind || isSlow, silence >= Self.blindTime else { return nil }
        return PromptGuess.isQuestion(line) ? guessed(scene) : .prompt
    }

    /// What the text alone shows to ask; nil: nothing yet.
    private func guessed(_ scene: Watch.Scene) -> End? {
        var look = console.watch.look(scene, at: IO.now)
        _ = console.watch.answered(nil, to: &look, scene, at: IO.now)
        return console.watch.finding == nil ? nil : .asks
    }

    /// zsh asks a user without start-up files whether to write some.
    private func decline() {
        guard !hasDeclined,
            String(decoding: console.intake.greeting.suffix(2000), as: UTF8.self)
                .contains("zsh-newuser-install"),
            console.scene?.openLine?.contains("keys in parentheses") == true
        else { return }
        hasDeclined = true
        console.transport.write(Array("q".utf8))
        console.watch.typed(at: IO.now, toProgram: true)
    }
}

extension Watch.Scene {
    /// Whether the answer shows a shell at its prompt, to which a line may be typed.
    ///
    /// `silence`: how long nothing had arrived when the kernel was asked. What does not end as a
    /// prompt does may be the beginning of a question: the rest of it may be on its way.
    func isAtPrompt(_ probe: Probe, silence: Duration) -> Bool {
        let endsAsPrompt =
            openLine.map { line in
                PromptGuess.isShellPrompt(line) && !PromptGuess.asksForSecret(line)
            } ?? false
        return switch adoption(probe) {
        case .shell, .carrier, .itself: endsAsPrompt || silence >= Watch.Times.travel
        // A start-up file may switch the echo off.
        case .refused: probe.verdict == .secret && probe.shellReadsCommands && endsAsPrompt
        case .busy, .unprompted: false
        }
    }
}
