// A login that asks something before its shell is at its prompt. The client reads and answers it;
// when the shell reaches its prompt, it is set up and the session is like any other.
// Invariant: nothing of our own is typed to what asks: only a shell at its prompt is set up.
import Loop
import Terminal
import Wire

/// Stands for the shell until the login is over.
@IO final class LoginDialogue: Dialogue {
    private let console: Console
    /// `agent/host`, for people.
    private let target: String
    private let choice: ShellProfile?
    /// The time that setting the shell up may take.
    private let limit: Duration
    /// Called when the shell has been set up, with a note about it.
    private let onShell: @IO (ShellDialogue, String) -> Void
    /// The shell, once it is set up.
    private var shell: ShellDialogue?
    /// Setting up has failed: it is tried again only when the client says so.
    private var hasFailed = false
    /// How often the client has typed.
    private var inputs = 0

    /// The time between two looks at the login: it doubles while nothing happens, as a question may
    /// stay open for hours.
    private static let rests = Duration.milliseconds(50)...Duration.seconds(30)
    /// The longest time between two looks while output comes: what draws all the time is looked at
    /// once in it.
    private static let drawingRest = Duration.seconds(1)

    /// Takes over a login in which something was found to ask.
    init(
        _ console: Console, target: String, choice: ShellProfile?, limit: Duration,
        onShell: @escaping @IO (ShellDialogue, String) -> Void
    ) {
        (self.console, self.target, self.choice) = (console, target, choice)
        (self.limit, self.onShell) = (limit, onShell)
        console.shell.name = "login"
        stay()
        IO.task { [self] in await goOn() }
    }

    var evidence: Evidence { .prompt }
    var promptStatus: Int? { nil }
    func cleaned(_ text: String, from offset: Int) -> String { text }
    func typesAtPrompt(_ line: String?) {}
    func watch(_ command: SessionCommand, keys: [UInt8], isBefore: Bool) async {}
    func recover(from keys: [UInt8]) async {}

    func willType() async {
        inputs += 1
        console.waiters.wakeForOutput()
    }

    /// Runs a command if the login is over in time; else says what it waits for.
    func run(_ order: CommandOrder) async throws(Fault) -> SessionCommand {
        await console.asker.wait(until: IO.now + order.wait) {
            self.shell != nil || self.console.end != nil || self.hasFailed
        }
        try console.checkAlive()
        guard let shell else { throw await console.loginAsks() }
        return try await shell.run(order)
    }

    func adopt(wait: Duration) async throws(Fault) {
        if let shell { return try await shell.adopt(wait: wait) }
        let deadline = IO.now + max(wait, limit)
        _ = try await Adoption(console: console, target: target).adoptable(deadline)
        if let shell { return try await shell.adopt(wait: wait) }
        try console.checkFree()
        try await setUp(until: deadline)
    }

    // MARK: The end of the login

    /// The terminal is the login's, and what arrives is its output.
    private func stay() {
        let shell = console.shell
        (shell.hasMarks, shell.isLogin, shell.identity) = (false, true, nil)
        shell.goesOn = !hasFailed
        shell.state = ShellState()
        shell.state.goWithoutMarks()
        shell.state.typed([], at: console.log.start)
        console.intake.releaseGreeting(console)
    }

    /// Sets the shell up as soon as it is at its prompt.
    private func goOn() async {
        var rest = Self.rests.lowerBound
        while shell == nil, console.end == nil {
            let (output, typed) = (console.lastOutput, inputs)
            await console.waiters.wait(until: IO.now + rest, orOutput: true) {
                console.end != nil || console.lastOutput > output || inputs > typed
            }
            let isTyped = inputs > typed
            let isNew = isTyped || console.lastOutput > output
            let longest = isNew ? Self.drawingRest : Self.rests.upperBound
            rest = isTyped ? Self.rests.lowerBound : min(rest * 2, longest)
            if isNew {
                await console.waiters.wait(until: IO.now + rest) { console.end != nil }
            }
            if await isAtPrompt(), !hasFailed { try? await setUp(until: IO.now + limit) }
        }
    }

    private func isAtPrompt() async -> Bool {
        let (asked, input) = (IO.now, console.watch.lastInput)
        guard console.shell.isLogin, console.occupation == nil, !hasFailed else { return false }
        guard console.shell.login != nil else { return showsPrompt }
        guard let probe = await console.asker.ask(), let scene = console.scene,
            console.occupation == nil, console.watch.lastInput == input,
            scene.isAtPrompt(probe, silence: asked - console.lastOutput)
        else { return false }
        // What a client has typed and not entered may be behind the prompt.
        guard console.shell.state.typed?.hasTail == true else { return true }
        return scene.openLine.map(PromptGuess.isShellPrompt) ?? false
    }

    /// Where no kernel can be asked: what came after the answer ends as a prompt does.
    private var showsPrompt: Bool {
        guard let scene = console.scene, !scene.drawsScreen, let line = scene.openLine else {
            return false
        }
        return console.lastOutput > console.watch.lastInput
            && IO.now - console.lastOutput >= LoginWatch.promptTime
            && PromptGuess.isShellPrompt(line)
    }

    private func setUp(until deadline: ContinuousClock.Instant) async throws(Fault) {
        let shell = console.shell
        console.occupation = .settingUp
        defer {
            console.occupation = nil
            console.waiters.wakeAll()
        }
        (shell.hasMarks, shell.isLogin, shell.goesOn) = (true, false, false)
        shell.state = ShellState()
        let setUp = SetUp(console: console, target: target, deadline: deadline, depth: 0)
        do throws(Fault) {
            try await setUp.introduce(as: choice)
            try await setUp.arm()
        } catch {
            hasFailed = true
            if console.end == nil {
                stay()
                console.watch.typed(at: IO.now)
            }
            throw error
        }
        _ = console.intake.takeGreeting()
        shell.rest = console.log.end
        console.watch.typed(at: IO.now)
        let dialogue = ShellDialogue(console, target: target)
        self.shell = dialogue
        onShell(dialogue, Answers.loginNote(shell.profile, chosen: choice))
    }
}

extension Console {
    /// The fault of a session whose login is not over, for a call that needs the shell.
    func loginAsks() async -> Fault {
        await asker.glance()
        return Fault(.busy, "session \(id) has no shell yet: \(loginNote)")
    }

    /// The note about a login that is not over.
    var loginNote: String {
        "the login is not over: \(wayOn). When its shell is at its prompt, the session goes on by "
            + "itself"
    }
}
