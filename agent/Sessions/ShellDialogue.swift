// A Unix shell: its marks tell what it does. A command is typed when the shell is at its prompt, and
// the wait for its end, or the wait's cancellation, never touches it.
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

    /// Time after mark E in which the prompt follows: when it does not, the command replaced it.
    private static let promptTime = Duration.milliseconds(250)
    /// Time for the kernel to tell that a job was stopped, where no mark does: this answer alone tells
    /// a stop from an end.
    private static let jobsTime = Duration.seconds(10)
    /// Time for a look and for a mark after Ctrl-C, where a command replaced the prompt.
    private static let recoveryTime = Duration.seconds(1)

    init(_ console: Console, target: String) { (self.console, self.target) = (console, target) }

    var evidence: Evidence { .mark }
    var promptStatus: Int? { console.shell.state.promptStatus }
    func cleaned(_ text: String, from offset: Int) -> String { text }

    /// Sets the shell up.
    ///
    /// `choice`: what it is taken for, in place of what it says it is. Answers with what the host
    /// showed at login.
    func open(
        until deadline: ContinuousClock.Instant, as choice: ShellProfile?
    ) async throws(Fault) -> String {
        let setUp = SetUp(console: console, target: target, deadline: deadline, depth: 0)
        do throws(Fault) {
            try await setUp.introduce(as: choice)
            try await setUp.arm()
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
            throw console.busy(command)
        }
        await reopenTyping()
        let clears = console.shell.state.typed != nil
        if clears { try await PromptClearing(console: console).clear() }
        let lines = try encode(order.code, arms: false)
        let previous = console.shell.command
        let command = SessionCommand(
            id: console.nextCommandID(), code: order.code,
            begin: console.shell.nextBegin(console.log.start))
        command.clearedPrompt = clears
        (console.shell.command, console.shell.rest) = (command, nil)
        console.watch.typed(at: IO.now)
        command.deadline = order.timeout.map { limit in
            LoopTimer(after: limit) { [weak console, weak command] in
                if let console, let command { console.interrupt(command) }
            }
        }
        await waitForPrompt(after: previous)
        await console.exports.waitForQuiet()
        // Once a program has the terminal, the kernel no longer shows which shell reads it.
        await console.asker.placeAgain()
        guard command.outcome == nil else { return command }
        let arms = console.shell.state.phase == .ending
        start(command, arms ? try encode(order.code, arms: true) : lines)
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
        guard !console.shell.state.remains.isDisjoint(with: relevant) else { return }
        await waitForPrompt(after: console.shell.command)
        console.shell.state.reopenTyping(at: console.log.end)
    }

    private func start(_ command: SessionCommand, _ lines: CommandEncoder.Lines) {
        console.shell.state.start(pieces: !lines.pieces.isEmpty)
        command.typing = SessionCommand.Typing(pieces: lines.pieces[...], line: lines.command)
        console.typePieces()
    }

    private func encode(_ code: String, arms: Bool) throws(Fault) -> CommandEncoder.Lines {
        let shell = console.shell
        do throws(TerminalError) {
            return try CommandEncoder(profile: shell.profile).encode(
                Array(code.utf8), number: shell.state.number + 1,
                previous: shell.state.previousStatus, arms: arms,
                learning: console.exports.learns(from: code) ? shell.nonce : nil)
        } catch {
            throw Fault(.invalidArgument, error.description)
        }
    }

    // MARK: Typing

    func settle() async {
        await waitForPrompt(after: console.shell.command)
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
        if let line, line.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) {
            console.intake.expect(Array(line.utf8) + [10], endsAtLine: true)
        }
    }

    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async {
        if keys.contains(Keys.interrupt), !isBefore { await recoverPrompt(of: command) }
        if keys.contains(Keys.suspend) { await watchJobs(of: command) }
    }

    func recover(from keys: [UInt8]) async {
        guard keys.contains(Keys.interrupt) else { return }
        await PromptClearing(console: console).recover()
    }

    /// After Ctrl-C the shell waits at a prompt that a command replaced: arms it, so that its mark
    /// tells the end.
    private func recoverPrompt(of command: SessionCommand) async {
        guard command.outcome == nil, console.shell.state.isRunning else { return }
        if !console.watch.shellWaits {
            await console.asker.look(within: Self.recoveryTime) {
                self.console.watch.shellWaits || command.outcome != nil
            }
        }
        guard command.outcome == nil, console.watch.shellWaits else { return }
        let shell = console.shell
        console.transport.write(
            CommandEncoder(profile: shell.profile).armingLine(ending: shell.state.number))
        await console.waiters.wait(until: IO.now + Self.recoveryTime) { command.outcome != nil }
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
