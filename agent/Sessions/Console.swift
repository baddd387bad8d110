// A session's terminal and the shells on it: always read, whoever waits and whoever gave up. Bytes
// go through Intake into the log, marks into the innermost shell's state; typing goes the other
// way.
// Invariant: a shell's marks reach that shell alone, and an outer shell's mark ends those inside
// it.
import Loop
import Programs
import Terminal
import Wire

/// A terminal with shells inside each other.
@IO final class Console {
    let transport: any ShellTransport
    /// All output after set-up.
    let log: OutputLog
    /// The terminal as programs see it: size, modes, screen.
    let display: Display
    let intake: Intake
    /// Whoever waits for the terminal.
    let waiters = Waiters()
    /// The shells, outermost first; never empty.
    private(set) var shells: [SessionShell]
    /// While it is set, only its owner types.
    var occupation: Occupation?
    /// Whether what runs waits for input.
    var watch = Watch(now: IO.now)
    /// The session's handle.
    let id: String
    /// The commands that were given to any of its shells.
    var history = CommandHistory()
    /// The variables that its own shell has exported.
    private(set) lazy var exports = ExportsLearner(self)
    /// Asks the kernel.
    private(set) lazy var asker = Asker(self)
    /// Called when output has come.
    var onPrinted: (@IO () -> Void)?
    /// Called once when the shell is gone.
    var onEnd: (@IO () -> Void)?
    private var holdTimer: LoopTimer?

    /// What is typed meanwhile would be taken for something else.
    enum Occupation {
        /// A shell is adopted: the stack has this many shells around it.
        case adopting(depth: Int)
        /// What a client typed at the prompt is cleared.
        case clearing
        /// The login is over, and its shell is set up.
        case settingUp
    }

    /// Time after which what looks like the beginning of a secret is shown after all.
    private static let holdTime = Duration.milliseconds(100)
    /// The most bytes that may wait for a terminal that does not take its input.
    nonisolated static let unsentLimit = 1 << 20

    init(id: String, nonce: Nonce, transport: any ShellTransport, log: OutputLog, display: Display)
    {
        (self.id, self.transport, self.log, self.display) = (id, transport, log, display)
        shells = [SessionShell(nonce: nonce)]
        intake = Intake(nonce)
        display.replies.console = self
        display.onHold = { [weak self] holds in
            self?.watch.held(holds, at: IO.now)
            if holds { transport.pause() } else { transport.resume() }
        }
        transport.onOutput = { [weak self] in self?.receive($0) }
        transport.onEnd = { [weak self] in self?.ended($0) }
    }

    // MARK: The stack

    private var top: Int { shells.count - 1 }

    /// The shell that is driven: the innermost.
    var shell: SessionShell { shells[shells.count - 1] }

    /// How many shells were adopted inside each other.
    var depth: Int { top }

    /// How the session's own shell ended; nil while it lives.
    var end: ProgramEnd? {
        if case .ended(let end) = shell.state.phase { return end }
        return nil
    }

    /// A shell inside the one that is driven is asked and set up.
    func push(_ nonce: Nonce) {
        intake.push(nonce, self)
        shells.append(SessionShell(nonce: nonce))
    }

    /// An outer shell is driven again: those inside it are over.
    func leave(to level: Int) {
        intake.keep(level + 1, self)
        if shell.state.isSettingUp { intake.releaseGreeting(self) }
        while top > level {
            let inner = shells.removeLast()
            inner.command?.leave(to: shell.command, at: log.end)
        }
        watch.typed(at: IO.now)
        waiters.wakeAll()
    }

    /// The innermost shell took the place of the one around it (exec).
    func replaceOuter() {
        guard top > 0 else { return }
        let replaced = shells.remove(at: top - 1)
        intake.remove(top)
        replaced.command?.finish(.replacedShell, at: log.end)
    }

    // MARK: What the terminal sends

    private func receive(_ bytes: [UInt8]) {
        watch.received(at: IO.now)
        let before = log.end
        intake.take(bytes, self)
        guard log.end > before || shell.state.phase == .login else { return }
        watch.printed()
        onPrinted?()
        waiters.wakeForOutput()
    }

    private func ended(_ end: ProgramEnd) {
        guard self.end == nil else { return }
        holdTimer?.cancel()
        intake.finish(self)
        if shell.isRunning { finish(.ended(end)) }
        for level in shells.indices {
            shells[level].command?.finish(.ended(end), at: log.end)
            shells[level].state.end(end)
        }
        transport.onOutput = nil
        transport.onEnd = nil
        exports.stop()
        waiters.wakeAll()
        onEnd?()
        (onEnd, onPrinted) = (nil, nil)
    }

    /// Hangs up; the end comes by `onEnd`.
    func close(saying why: String = "the session was closed") {
        // What the program at the other end does then is not why it ended.
        if end == nil { ended(.lost(why)) }
        transport.close()
    }

    // MARK: What is typed

    /// Types a line of our own, whose echo is nobody's output.
    func type(_ line: [UInt8]) {
        intake.expect(line)
        transport.write(line)
    }

    /// Types as much of a command's code as the terminal may hold, and its line once all is taken.
    func typePieces() {
        guard let command = shell.command, end == nil, !command.typing.line.isEmpty
        else { return }
        while let piece = command.typing.pieces.first,
            command.typing.onTheirWay < CommandEncoder.pieceWindow
        {
            command.typing.pieces.removeFirst()
            command.typing.onTheirWay += 1
            type(piece)
        }
        guard command.typing.pieces.isEmpty, command.typing.onTheirWay <= 0 else { return }
        let line = command.typing.line
        command.typing.line = []
        shell.state.typedCommand()
        type(line)
    }

    /// Sends Ctrl-C to what runs in the shell inside that a command is; not to that shell's prompt.
    func interruptInside(_ command: SessionCommand) {
        guard command.outcome == nil, end == nil, shell.command !== command, shell.isRunning
        else { return }
        shell.state.interrupted()
        transport.write([Keys.interrupt])
    }

    /// Interrupts a command, or what runs in the shell inside that it is.
    func interrupt(_ command: SessionCommand) {
        guard command.outcome == nil, end == nil,
            let level = shells.firstIndex(where: { $0.command === command })
        else { return }
        guard level == top || shell.isRunning else {
            command.expiry = "timeout_s passed while the shell in it was at its prompt"
            return
        }
        command.expiry = SessionCommand.expiryNote
        shell.command?.expiry = SessionCommand.expiryNote
        shell.state.interrupted()
        watch.typed(at: IO.now, toProgram: true)
        transport.write([Keys.interrupt])
    }
}

extension Console: IntakeListener {
    var listening: Intake.Listening {
        if shell.state.isRunning { return .program }
        return shell.state.isSettingUp ? .setUp : .prompt
    }

    func drew(_ bytes: ArraySlice<UInt8>) {
        // fish draws its prompt and the typed line: no screen is kept for that.
        let isDrawn =
            shell.profile.editor == .draws && !shell.state.isRunning
            && shell.state.typed == nil
        if !isDrawn { display.take(bytes, log) }
        guard intake.isHolding || holdTimer != nil else { return }
        holdTimer?.cancel()
        holdTimer = nil
        guard intake.isHolding else { return }
        holdTimer = LoopTimer(after: Self.holdTime) { [weak self] in
            guard let self else { return }
            self.intake.release(self)
            self.waiters.wakeForOutput()
        }
    }

    func wrote(_ bytes: ArraySlice<UInt8>) { log.append(bytes) }

    /// Without an answer busybox ash waits 20 ms before it runs a line.
    ///
    /// An answer is right only while its editor reads: before a line is typed.
    func askedForCursor() {
        switch shell.state.phase {
        case .ready, .quiet: transport.write(Array("\u{1b}[1;1R".utf8))
        case .login, .asking, .arming, .typing, .command, .ending, .ended: break
        }
    }

    func marked(_ mark: Mark, level: Int) {
        if level < top {
            // The outer shell is back: what ran in it is over.
            switch mark {
            case .ended, .prompt: leave(to: level)
            case .began, .continuation, .exports, .identity: return
            }
        }
        if case .identity(let process, let image, let terminal, let program) = mark {
            // Others can see the digits that its question has.
            guard shell.state.isSettingUp else { return }
            shell.identity = SessionShell.Identity(
                process: process, image: image > 0 ? image : nil, terminal: terminal,
                program: program)
            return waiters.wake()
        }
        intake.passed(mark, endsEcho: endsEcho, self)
        switch mark {
        case .ended, .prompt:
            display.promptIsBack(log)
            intake.forgetSecrets(self)
        case .exports(let environment): return exports.learn(intake.unmapped(environment))
        case .began, .continuation, .identity: break
        }
        guard let action = shell.state.receive(mark) else { return }
        perform(action)
        waiters.wake()
    }

    /// After what was typed at the prompt, a mark shows that its echo is over.
    private var endsEcho: Bool {
        switch shell.state.phase {
        case .typing, .quiet: true
        case .login, .asking, .arming, .ready, .command, .ending, .ended: shell.rest != nil
        }
    }

    private func perform(_ action: ShellState.Action) {
        switch action {
        case .promptArmed, .setUpDone, .quietOver, .wantsMore: break
        case .pieceTaken:
            shell.command?.typing.onTheirWay -= 1
            typePieces()
        case .outputBegan, .outputBeganAgain:
            // Before mark C, traces and traps print what is about the line typed here.
            shell.command?.begin = log.end
            if action == .outputBegan { watch.began(at: IO.now) }
        case .finished(let outcome):
            finish(outcome)
            if shell.state.phase == .ready { exports.promptIsBack() }
        case .typingOver:
            shell.rest = log.end
            promptIsBack()
        case .promptReady: promptIsBack()
        case .promptFollowed:
            shell.promptBegin = log.end
            if let command = shell.command, command.outcome == nil {
                (command.begin, command.late) = (log.end, log.end..<log.end)
            }
            promptIsBack()
        case .typeEmptyLine: transport.write(CommandEncoder.emptyLine)
        case .typeInterrupt: transport.write([Keys.interrupt])
        }
    }

    private func promptIsBack() {
        exports.promptIsBack()
        if top > 0, shell.place == .unknown { IO.task { await self.asker.placeAgain() } }
    }

    private func finish(_ outcome: CommandOutcome) {
        guard let command = shell.command else { return }
        watch.ended()
        command.jobs.after = outcome.state == .done ? shell.state.jobs : nil
        let tail = log.bytes(max(command.begin, log.end - OwnTail.limit)..<log.end)
        command.sentinelBytes = OwnTail.count(
            in: tail[...], takesSentinel: outcome.mayShowSentinel)
        command.finish(outcome, at: log.end)
        waiters.wakeForOutput()
    }
}

extension Console {
    /// Throws where the session is over.
    func checkAlive() throws(Fault) {
        guard let end else { return }
        let how =
            switch end {
            case .exited(let code): "its shell exited with \(code)"
            case .signalled(let name): "its shell was ended by SIG\(name)"
            case .unreported: "its host ended it without an exit status"
            case .lost(let reason): "its connection was lost: \(reason)"
            }
        throw Fault(
            .sessionEnded,
            "session \(id) is over: \(how). ssh_session_open {\"reopen\": \"\(id)\"} opens a new shell "
                + "where it was")
    }

    /// Throws where something else types.
    func checkFree() throws(Fault) {
        switch occupation {
        case nil: return
        case .adopting:
            throw Fault(
                .busy, "a shell inside session \(id) is being adopted; try again in a moment")
        case .settingUp:
            throw Fault(
                .busy,
                "the login of session \(id) is over, and its shell is being set up; try again in a "
                    + "moment")
        case .clearing:
            throw Fault(
                .busy,
                "what was typed at the prompt of session \(id) is being cleared; try again in a moment"
            )
        }
    }

    /// A client's input at the prompt of what has no marks is over.
    func endTyping(at end: Int) {
        guard shell.state.typed != nil else { return }
        shell.state.endTyping()
        shell.rest = end
    }

    /// When the terminal last sent something, or had more to send.
    var lastOutput: ContinuousClock.Instant { watch.lastOutput(IO.now) }

    /// What the terminal shows, for Watch's rules; nil: nothing runs.
    var scene: Watch.Scene? {
        guard end == nil else { return nil }
        let shell = shells[top]
        guard let begin = shell.openBegin else { return nil }
        let isGreeting = shell.state.phase == .login
        let count = isGreeting ? intake.greeting.count : log.end - begin
        let tail = isGreeting ? intake.greeting.suffix(Self.lineLimit) : tail(from: begin)
        let line = PromptGuess.openLine(of: CleanText.clean(tail))
        let endsAtMargin = tail.last == 13
        return Watch.Scene(
            begin: begin, outputBytes: count, openLine: line,
            drawsScreen: display.modes.isAlternate,
            picture: display.picture(openLine: line, endsAtMargin: endsAtMargin),
            typed: shell.hasMarks ? shell.state.typed : nil,
            code: shell.isRunning ? shell.command?.preview ?? "" : "", profile: shell.profile,
            image: shell.identity?.image, isLogin: shell.isLogin,
            goesOn: shell.goesOn)
    }

    /// The most bytes that are searched for the last line.
    private static let lineLimit = 2000

    private func tail(from begin: Int) -> ArraySlice<UInt8> {
        log.bytes(max(begin, log.end - Self.lineLimit)..<log.end)[...]
    }

    /// A shell's working directory, as far as known.
    func directory(of shell: SessionShell) -> String? {
        guard !shell.state.directory.isEmpty else { return nil }
        return String(decoding: intake.unmapped(shell.state.directory), as: UTF8.self)
    }
}
