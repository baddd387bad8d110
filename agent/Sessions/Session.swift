// One shell on a terminal and the commands run in it. It stands between the calls and a transport:
// bytes in go through MarkScanner, NewlineMap and EchoFilter into the log; marks go to ShellState.
// Invariant: one command at a time; the terminal is always read, whoever waits and whoever gave up.
import Loop
import Programs
import Terminal
import Wire

/// A stateful shell.
@IO final class Session {
    /// The handle clients keep.
    let id: String
    /// Whom it belongs to.
    let owner: Owner
    /// `agent/host`.
    let target: String
    /// What it was opened with, but for a password.
    var opening: OpenSession?
    /// A name for people.
    var name: String?
    /// Keeps it open when idle.
    var isPersistent: Bool
    /// Idle time after which it is closed.
    var idleTimeout: Duration

    /// What is at the other end.
    var kind = Kind.shell
    /// The kind of shell.
    var profile = ShellProfile.dash
    /// The shell's name as reported: `bash`, or `bash (from fish)`.
    var shellName = ""
    /// The shell's process on its host.
    var shellProcess: Int?
    /// Where its stack begins: another place when exec has put a program in its place.
    var shellImage: Int?
    /// The terminal's device on its host.
    var terminalName: String?
    /// What an adopted shell says of itself, while the kernel has not told whether it is on this host.
    var unplaced: Identity?
    /// What the host showed at login, cleaned, at most 4 KiB.
    var banner = ""
    /// All output after set-up.
    let log: OutputLog
    /// The newest command of the innermost shell.
    var command: SessionCommand?
    /// How many commands were given, to any of its shells.
    var commandCount = 0
    /// When it was last used or said something.
    var lastUsed = IO.now
    /// Called once when the shell is gone.
    var onEnd: (@IO (Session) -> Void)?
    /// Sees the terminal's bytes as they come (a screen, a recording).
    var onTerminalOutput: (@IO ([UInt8]) -> Void)?

    /// The terminal as programs see it: size, modes, screen.
    let display: Display

    let transport: any ShellTransport
    var state = ShellState()
    var echo = EchoFilter(editor: .none)
    var identity: Identity?
    var setUp = SetUp.asking
    /// What came before set-up was done.
    var greeting: [UInt8] = []
    /// A line typed at the prompt by a client is being run; its output begins here.
    var direct: Direct?

    /// The shells around the one that is driven, outermost first.
    var outer: [OuterShell] = []
    /// What was typed at the prompt is being cleared: nothing else is typed meanwhile.
    var isClearing = false
    /// While a shell inside the one that is driven is asked and set up: how deep that one is.
    var adoptionDepth = 0

    /// What of the shell's variables is known.
    var learning = Learning()

    /// Secrets that what runs was given.
    var redactor = Redactor()
    var holdTimer: LoopTimer?
    /// Who was told to ask for a secret.
    var asker: Asker?

    /// What the running command was found to wait for.
    var need: Need?
    /// The foreground program, as far as known.
    var foreground: String?
    /// How asking the kernel stands.
    var probing = Probing()
    /// When the terminal last sent something; one that is held off has more to send.
    var lastOutput: ContinuousClock.Instant {
        get { display.isHolding ? IO.now : heard }
        set { heard = newValue }
    }
    private var heard = IO.now

    var scanner: MarkScanner
    /// That of the outermost shell.
    var nonce: Nonce
    private var newlines = NewlineMap()
    private var scratch: [UInt8] = []
    private let changed = Condition()
    private let hasOutput = Condition()

    /// Who answered the question at set-up.
    struct Identity: Equatable {
        var process: Int, image: Int?, terminal: String, program: String
        /// Its terminal, where it named one.
        var device: String? { terminal.hasPrefix("/dev/") ? terminal : nil }
    }
    /// How far set-up is.
    enum SetUp { case asking, arming, armed, done }
    /// Input typed at the prompt, outside of any command.
    struct Direct {
        var begin: Int
        var isOver = false
        var end: Int?
        /// A line of it was entered: what it started may run.
        var isEntered = false
        /// Ctrl-C was typed since.
        var isInterrupted = false
        /// The shell wants more of the line that was entered last.
        var wantsMore = false
        /// A line was entered that a line editor keeps, where the shell cannot parse it.
        var mayStay = false
        /// Something was typed after the last Enter: it is in the line editor.
        var hasTail = false
    }

    init(
        id: String, owner: Owner, target: String, name: String? = nil, nonce: Nonce,
        transport: any ShellTransport, log: OutputLog, isPersistent: Bool, idleTimeout: Duration,
        display: Display = Display()
    ) {
        self.id = id
        self.owner = owner
        self.target = target
        self.name = name
        self.transport = transport
        self.log = log
        self.display = display
        self.isPersistent = isPersistent
        self.idleTimeout = idleTimeout
        self.nonce = nonce
        scanner = MarkScanner(nonce: nonce)
        display.onHold = { [weak self] holds in
            self?.lastOutput = IO.now
            if holds { transport.pause() } else { transport.resume() }
        }
        transport.onOutput = { [weak self] in self?.receive($0) }
        transport.onEnd = { [weak self] in self?.ended($0) }
    }

    /// How the shell ended; nil while it lives.
    var end: ProgramEnd? {
        if case .ended(let end) = state.phase { return end }
        return nil
    }

    /// Whether a command has not come to its end.
    var isRunning: Bool { command.map { $0.outcome == nil } ?? false }

    /// The shell's working directory, as far as known.
    var cwd: String? { directory(of: state) }

    func directory(of state: ShellState) -> String? {
        guard !state.directory.isEmpty else { return nil }
        return String(decoding: unmapped(state.directory), as: UTF8.self)
    }

    /// The terminal maps the line feeds of a mark as those of any output.
    func unmapped(_ mark: [UInt8]) -> [UInt8] {
        var map = newlines
        var bytes: [UInt8] = []
        map.append(mark[...], to: &bytes)
        map.finish(to: &bytes)
        return bytes
    }

    /// Hangs up; the end comes by `onEnd`.
    func close() {
        transport.close()
        // A transport that is gone already says nothing more.
        if end == nil { ended(.lost("the session was closed")) }
    }

    // MARK: What the terminal sends

    private func receive(_ bytes: [UInt8]) {
        onTerminalOutput?(bytes)
        lastOutput = IO.now
        lastUsed = lastOutput
        let before = log.end
        let level = scanner.levels - 1
        scanner.scan(bytes) { piece in
            switch piece {
            case .output(let slice):
                show(redactor.isEmpty ? slice : redacted(slice)[...])
            case .mark(let mark): follow(mark, level: level)
            case .outerMark(let mark, let level): follow(mark, level: level)
            }
        }
        if depth < level { scanner.keep(depth + 1) }
        guard log.end > before else { return }
        if need?.state != .fullscreen { need = nil }
        followDevice()
        hasOutput.broadcast()
    }

    private func show(_ bytes: ArraySlice<UInt8>) {
        if !isDrawnPrompt { display.take(bytes, log) }
        output(bytes)
    }

    /// Nothing follows that could make a secret of what is held.
    func releaseHeld() {
        let held = redactor.flush()
        guard !held.isEmpty else { return }
        show(held[...])
        hasOutput.broadcast()
    }

    private func output(_ bytes: ArraySlice<UInt8>) {
        guard setUp == .done else {
            if greeting.count < 1 << 16 { greeting.append(contentsOf: bytes) }
            // What runs in a session may print while a shell in it is asked.
            if isAdopting, greeting.count >= 1 << 16 { releaseGreeting() }
            return
        }
        scratch.removeAll(keepingCapacity: true)
        newlines.append(bytes, to: &scratch)
        keep(scratch)
    }

    /// What came while a shell was asked is output after all.
    func releaseGreeting() {
        scratch.removeAll(keepingCapacity: true)
        newlines.append(greeting[...], to: &scratch)
        log.append(scratch[...])
        greeting = []
    }

    private func keep(_ bytes: [UInt8]) {
        if state.phase == .running || echo.isIdle {
            if isCursorQuestion(bytes) { return }
            return log.append(bytes[...])
        }
        var rest: [UInt8] = []
        echo.append(bytes[...], to: &rest)
        log.append(rest[...])
    }

    /// fish draws its prompt and the typed line: no screen is kept for that.
    private var isDrawnPrompt: Bool {
        profile.editor == .draws && state.phase != .running && direct?.isOver != false
    }

    /// busybox ash asks for the cursor's place after each prompt.
    ///
    /// Without an answer it waits 20 ms before it runs a line. An answer is right only while its
    /// editor reads: before a line is typed.
    private func isCursorQuestion(_ bytes: [UInt8]) -> Bool {
        guard profile.editor == .asksCursor, state.phase != .running,
            bytes == Array("\u{1b}[6n".utf8)
        else { return false }
        if state.phase == .ready, direct?.isOver != false {
            transport.write(Array("\u{1b}[1;1R".utf8))
        }
        return true
    }

    /// Output is complete up to a mark.
    func settle(endsEcho: Bool) {
        scratch.removeAll(keepingCapacity: true)
        newlines.finish(to: &scratch)
        if !scratch.isEmpty { keep(scratch) }
        if endsEcho {
            var rest: [UInt8] = []
            echo.stop(to: &rest)
            log.append(rest[...])
        }
    }

    private func follow(_ mark: Mark, level: Int) {
        guard level <= depth else { return }
        if !redactor.isEmpty { releaseHeld() }
        if level < depth {
            // The outer shell is back: what ran in it is over.
            switch mark {
            case .ended, .prompt: leave(to: level)
            default: return
            }
        }
        if case .identity(let process, let image, let terminal, let program) = mark {
            identity = Identity(
                process: process, image: image > 0 ? image : nil, terminal: terminal,
                program: program)
            return changed.broadcast()
        }
        if case .began(_, let maps) = mark {
            settle(endsEcho: true)
            newlines.isMapping = maps
        } else {
            settle(endsEcho: direct != nil || learning.isAsking)
        }
        switch mark {
        case .ended, .prompt:
            display.promptIsBack(log)
            if !redactor.isEmpty { redactor = Redactor() }
        default: break
        }
        if case .exports(let environment) = mark { return learn(environment) }
        let wasReady = state.phase == .ready
        guard let action = state.receive(mark) else { return }
        switch action {
        case .promptArmed: setUp = .armed
        case .setUpDone: setUp = .done
        case .pieceTaken:
            command?.piecesOnTheirWay -= 1
            typePieces()
        case .outputBegan:
            if let command {
                // What clearing the prompt made the shell draw is nobody's output.
                command.lateBytes = command.clearedPrompt ? 0 : log.end - command.begin
                command.begin = log.end
            }
        case .finished(let outcome):
            finish(outcome)
            if learning.isDue, state.phase == .ready { learnWhenIdle() }
        case .promptReady:
            if wasReady, direct?.isOver == false {
                direct?.prompted(at: log.end)
            }
            if learning.isDue { learnWhenIdle() }
            if unplaced != nil { IO.task { await self.placeAgain() } }
        case .quietOver: learning.isAsking = false
        case .wantsMore: direct?.wantsMore = true
        case .typeEmptyLine: transport.write(CommandEncoder.emptyLine)
        case .typeInterrupt: transport.write([Keys.interrupt])
        }
        changed.broadcast()
    }

    private func finish(_ outcome: CommandOutcome) {
        guard let command else { return }
        need = nil
        foreground = nil
        if outcome.mayShowSentinel {
            let tail = log.bytes(max(command.begin, log.end - 16)..<log.end)
            command.sentinelBytes = CommandOutcome.sentinelBytes(at: tail[...])
        }
        command.finish(outcome, at: log.end)
        hasOutput.broadcast()
    }

    private func ended(_ end: ProgramEnd) {
        guard self.end == nil else { return }
        releaseHeld()
        scanner.finish { if case .output(let slice) = $0 { output(slice) } }
        settle(endsEcho: false)
        state.end(end)
        if isRunning { finish(.ended(end)) }
        for shell in outer { shell.command?.finish(.ended(end), at: log.end) }
        transport.onOutput = nil
        transport.onEnd = nil
        learning.timer?.cancel()
        changed.broadcast()
        hasOutput.broadcast()
        onEnd?(self)
        onEnd = nil
    }

    // MARK: Waiting

    /// Waits until `isOver`, the deadline or the caller's cancellation, whichever is first.
    func wait(
        until deadline: ContinuousClock.Instant, orOutput: Bool = false,
        _ isOver: @IO () -> Bool
    ) async {
        while !isOver(), !Task.isCancelled, IO.now < deadline {
            await (orOutput ? hasOutput : changed).wait(until: deadline)
        }
    }

    /// Lets everyone who waits look again.
    func wakeAll() {
        changed.broadcast()
        hasOutput.broadcast()
    }
}
