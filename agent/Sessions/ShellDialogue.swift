// A Unix shell: its marks tell what it does. A command is typed when the shell is at its prompt,
// and the wait for its end, or the wait's cancellation, never touches it.
// Invariant: a command is typed once, and to the shell that its caller meant.
import Loop
import Programs
import Terminal
import Wire

/// Speaks to shells with marks.
@IO final class ShellDialogue: Dialogue {
    private let console: Console
    /// `agent/host`, for people.
    private let target: String
    /// The searches for a prompt after Ctrl-C whose answer does not show yet what became of the
    /// command.
    private var searches = 0

    /// Time after mark E in which the prompt follows: when it does not, the command replaced it.
    private static let promptTime = Duration.milliseconds(250)
    /// Time for the kernel to tell that a job was stopped, where no mark does: this answer alone
    /// tells a stop from an end.
    private static let jobsTime = Duration.seconds(10)
    /// How long a caller waits after Ctrl-C for the kernel to show what became of the command, and
    /// then for a mark.
    private static let recoveryTime = Duration.seconds(1)
    /// How long that caller waits where the shell was found at its prompt and is armed.
    private static let armingTime = Duration.seconds(3)
    /// How long after Ctrl-C the shell may be found at a prompt without a mark.
    ///
    /// Hosts that were busy ended a program, or answered, as late as 4 s after it.
    private static let lateRecoveryTime = Duration.seconds(10)
    /// The first rest between two looks for that; each further one is twice as long.
    private static let recoveryRest = Duration.milliseconds(50)

    init(_ console: Console, target: String) { (self.console, self.target) = (console, target) }

    var evidence: Evidence { .mark }
    var promptStatus: Int? { console.shell.state.promptStatus }
    func cleaned(_ text: String, from offset: Int) -> String { text }

    /// Sets the shell up, which is at its prompt.
    ///
    /// `choice`: what it is taken for, in place of what it says it is. Answers with what the host
    /// showed at login.
    func open(
        until deadline: ContinuousClock.Instant, as choice: ShellProfile?
    ) async throws(Fault) -> String {
        let setUp = SetUp(console: console, target: target, deadline: deadline, depth: 0)
        console.shell.isLogin = false
        console.shell.state.ask()
        do throws(Fault) {
            try await setUp.introduce(as: choice)
            try await setUp.arm()
            // Only now: the shell has forgotten the lines typed here.
            try setUp.check(choice)
        } catch {
            console.close()
            throw error
        }
        return SetUp.banner(console.intake.takeGreeting())
    }

    func adopt(wait: Duration) async throws(Fault) {
        try await Adoption(console: console, target: target).adopt(wait: wait)
    }

    // MARK: Commands

    func run(_ order: CommandOrder) async throws(Fault) -> SessionCommand {
        let deadline = IO.now + order.wait
        try console.checkFree()
        if let command = console.shell.command, console.shell.isRunning {
            throw await console.busy(command)
        }
        await reopenTyping()
        let clears = console.shell.state.typed != nil
        if clears { try await PromptClearing(console: console).clear() }
        let lines = try encode(order.code, arms: false)
        let previous = console.shell.command
        let command = console.history.add(
            order.code, to: console.id, begin: console.shell.nextBegin(console.log.start),
            in: console.directory(of: console.shell))
        command.clearedPrompt = clears
        (console.shell.command, console.shell.rest) = (command, nil)
        console.watch.typed(at: IO.now)
        command.deadline = order.timeout.map { limit in
            LoopTimer(after: limit) { [weak self, weak command] in
                guard let self, let command else { return }
                console.interrupt(command)
                self.startSearch(for: command, after: .zero)
            }
        }
        await waitForPrompt(after: previous)
        await console.exports.waitForQuiet()
        // Once a program has the terminal, the kernel no longer shows which shell reads it.
        await console.asker.placeAgain()
        guard command.outcome == nil else { return command }
        let arms = console.shell.state.phase == .ending
        start(command, arms ? try encode(order.code, arms: true) : lines, order)
        console.exports.note(order.code)
        await console.asker.wait(until: deadline) { command.outcome != nil }
        return command
    }

    /// Has what was typed before cleared, where something of it may be at the prompt.
    ///
    /// fish keeps a line that it could not parse, and one that a key runs a program over.
    private func reopenTyping() async {
        let draws = console.shell.profile.editor == .draws
        let relevant: ShellState.Remains = draws ? [.line, .interrupt] : .interrupt
        let replies = console.display.replies
        guard replies.mayBeAtPrompt || !console.shell.state.remains.isDisjoint(with: relevant)
        else { return }
        await waitForPrompt(after: console.shell.command)
        console.shell.state.reopenTyping(at: console.log.end)
        replies.cleared()
    }

    private func start(
        _ command: SessionCommand, _ lines: CommandEncoder.Lines, _ order: CommandOrder
    ) {
        console.shell.state.start(pieces: !lines.pieces.isEmpty)
        // What clearing the prompt made the shell draw is nobody's output, nor is a prompt.
        if !command.clearedPrompt, !console.shell.state.showsOwnPrompt {
            let seen = min(command.begin, order.seen ?? command.begin)
            command.late = seen..<max(command.begin, console.log.end)
        }
        command.typing = SessionCommand.Typing(pieces: lines.pieces[...], line: lines.command)
        command.jobs.before = console.shell.state.jobs ?? 0
        console.typePieces()
    }

    private func encode(_ code: String, arms: Bool) throws(Fault) -> CommandEncoder.Lines {
        let shell = console.shell
        do throws(TerminalError) {
            return try CommandEncoder(profile: shell.profile).encode(
                Array(code.utf8), number: shell.state.number + 1,
                previous: shell.state.previousStatus, arms: arms,
                learns: console.exports.learns(from: code))
        } catch {
            throw Fault(.invalidArgument, error.description)
        }
    }

    // MARK: Typing

    func willType() async {
        await waitForPrompt(after: console.shell.command)
        if console.display.replies.mayBeAtPrompt, !console.shell.isRunning {
            await reopenTyping()
            try? await PromptClearing(console: console).clear()
        }
        await console.exports.waitForQuiet()
    }

    /// What is typed before the shell reads again would be echoed twice by an editor.
    private func waitForPrompt(after command: SessionCommand?) async {
        guard console.shell.state.phase == .ending else { return }
        await console.waiters.wait(until: (command?.ended ?? IO.now) + Self.promptTime) {
            self.console.shell.state.phase != .ending
        }
    }

    func typesAtPrompt(_ line: String?) {
        console.exports.note(line ?? "")
        // To the prompt the line's echo is expected; to what a typed line has started it is output.
        if let line, line.utf8.allSatisfy({ $0 >= 32 && $0 < 127 || $0 == 9 || $0 == 22 }) {
            console.intake.expect(Array(line.utf8) + [10], endsAtLine: true)
        }
    }

    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async {
        if keys.contains(Keys.interrupt) {
            if isBefore {
                // A mark shows most ends sooner.
                startSearch(for: command, after: Self.promptTime)
            } else {
                await waitForSearch(for: command)
            }
        }
        if keys.contains(Keys.suspend) { await watchJobs(of: command) }
    }

    func recover(from keys: [UInt8]) async {
        guard keys.contains(Keys.interrupt) else { return }
        await PromptClearing(console: console).recover()
    }

    /// Looks, beside whoever waits, for a shell that shows no mark after Ctrl-C.
    private func startSearch(for command: SessionCommand, after pause: Duration) {
        searches += 1
        IO.task { [self] in
            await console.waiters.wait(until: IO.now + pause) { command.outcome != nil }
            var isOpen = true
            await findPrompt(of: command) {
                guard isOpen else { return }
                isOpen = false
                searches -= 1
                console.waiters.wake()
            }
        }
    }

    /// Waits, for a caller, until the shell is found at a prompt without a mark, or is not.
    private func waitForSearch(for command: SessionCommand) async {
        await console.waiters.wait(until: IO.now + Self.recoveryTime) {
            command.outcome != nil || searches == 0 && !console.watch.shellWaits
        }
        guard console.watch.shellWaits else { return }
        // It is armed: its mark takes a round trip.
        await console.waiters.wait(until: IO.now + Self.armingTime) { command.outcome != nil }
    }

    /// Arms the prompt of a shell that waits at one without a mark after Ctrl-C.
    ///
    /// A command replaced the prompt, or zsh was interrupted while it printed its marks. A busy
    /// host is late to end what ran, and to answer: the kernel is asked again for a while.
    /// `decided` is called when an answer shows that something else runs, and at the end.
    private func findPrompt(of command: SessionCommand, decided: @IO () -> Void) async {
        defer { decided() }
        if console.shell.state.isTyped { await rearm(command) }
        let (input, limit) = (console.watch.lastTyped, IO.now + Self.lateRecoveryTime)
        var rest = Self.recoveryRest
        var isOver: Bool {
            command.outcome != nil || !console.shell.state.isRunning || console.end != nil
                || console.watch.lastTyped != input
        }
        while !isOver, !console.watch.shellWaits, IO.now < limit {
            await console.asker.look(within: limit - IO.now) {
                isOver || console.watch.shellWaits
            }
            guard !isOver, !console.watch.shellWaits else { break }
            decided()
            // A caller that waits may find it first.
            await console.waiters.wait(until: IO.now + rest) {
                isOver || console.watch.shellWaits
            }
            rest *= 2
        }
        guard !isOver, console.watch.shellWaits, !standsAtQuestion else { return }
        console.transport.write(
            CommandEncoder(profile: console.shell.profile)
                .armingLine(ending: console.shell.state.number))
        await console.waiters.wait(until: IO.now + Self.recoveryTime) { isOver }
    }

    /// Whether the terminal echoed the Ctrl-C behind a question, and nothing has followed: a shell
    /// that ignores the interrupt (`trap '' INT; read -p 'Name: ' x`) still reads the answer.
    private var standsAtQuestion: Bool {
        guard let line = console.scene?.openLine, line.hasSuffix("^C") else { return false }
        let asked = line.replacing("^C", with: "").last { !$0.isWhitespace }
        return asked.map { ":?])>".contains($0) } ?? false
    }

    /// Arms the prompt of a shell that was sent Ctrl-C before it read the command's line.
    ///
    /// The terminal has dropped the line then, and the mark of the new prompt may be lost with it.
    /// Where the shell has read the line after all, mark C comes within a round trip: the kernel
    /// must show the shell reading twice, a second apart.
    private func rearm(_ command: SessionCommand) async {
        let input = console.watch.lastTyped
        var isOver: Bool {
            command.outcome != nil || !console.shell.state.isTyped || console.end != nil
                || console.watch.lastTyped != input
        }
        let limit = IO.now + Self.lateRecoveryTime
        // bash builds a prompt again whose building was interrupted.
        var reading = 0
        while reading < 2 {
            await console.waiters.wait(until: IO.now + Self.recoveryTime) { isOver }
            guard !isOver, IO.now < limit, let probe = await console.asker.hear(), !isOver else {
                return
            }
            reading = probe.shellIsAlone && probe.verdict == .lineInput ? reading + 1 : 0
        }
        // A Ctrl-C that ended the building of the prompt before the line has taken its mark.
        console.shell.state.foundPrompt()
        console.transport.write(CommandEncoder.armingLine)
        await console.waiters.wait(until: IO.now + Self.recoveryTime) { isOver }
    }

    /// Before and after Ctrl-Z: mksh and fish go on and do not say that they stopped a job.
    private func watchJobs(of command: SessionCommand) async {
        guard !console.shell.profile.tellsStops,
            let jobs = await console.asker.hear(within: Self.jobsTime)?.stoppedJobs
        else { return }
        if !jobs.isSubset(of: console.shell.stoppedJobs) { command.foundStopped() }
        console.shell.stoppedJobs = jobs
    }
}

extension Console {
    /// Text in the form in which the shell's line editor takes it, if it is what reads.
    func atPrompt(_ text: String, isLine: Bool) throws(Fault) -> String {
        guard shell.hasMarks, !shell.isRunning, shell.state.typed?.isEntered != true else {
            return text
        }
        guard let bytes = shell.profile.typing(Array(text.utf8), isLine: isLine) else {
            throw Fault(
                .invalidArgument,
                "at a TAB the prompt of \(shell.name) completes a word: send a whole line with enter, "
                    + "or use ssh_session_command; {\"keys\": [\"tab\"]} completes")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
