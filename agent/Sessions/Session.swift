// A session: the handle that clients keep, with its owner and its idle time. The calls come in here
// and go to its parts: Console (terminal and shells), Dialogue (how to speak to the far end),
// Reading, and Answers, which builds every result.
// Invariant: one command at a time; no wait outlasts its caller's `wait` by more than a fixed time.
import Configuration
import Loop
import Programs
import Terminal
import Wire

/// A stateful shell.
@IO final class Session {
    /// Its owner.
    let owner: Owner
    /// `agent/host`.
    var target: String
    /// The call that opened it, without a password.
    var opening: OpenSession?
    /// The login of its link, without a password.
    var login = LinkOptions()
    /// A name for people.
    var name: String?
    /// Keeps it open when idle.
    var isPersistent: Bool
    /// Idle time after which it is closed.
    var idleTimeout: Duration
    /// What the host showed at login, cleaned.
    private(set) var banner = ""
    /// Called once when the shell is gone.
    var onEnd: (@IO (Session) -> Void)?
    /// Its terminal and the shells on it.
    let console: Console
    private var dialogue: any Dialogue
    /// The note about a shell whose login asked something first.
    private var endOfLogin: String?
    /// When a client last used it.
    private var touched = IO.now
    /// What the last answer reported of a program that asks for a secret.
    private var secretPrompt = SecretPrompt()
    /// What each client has been given.
    private var readers = Readers()

    init(
        id: String, owner: Owner, target: String, name: String? = nil, nonce: Nonce,
        transport: any ShellTransport, log: OutputLog, isPersistent: Bool, idleTimeout: Duration,
        display: Display = Display()
    ) {
        (self.owner, self.target, self.name) = (owner, target, name)
        (self.isPersistent, self.idleTimeout) = (isPersistent, idleTimeout)
        console = Console(id: id, nonce: nonce, transport: transport, log: log, display: display)
        dialogue = ShellDialogue(console, target: target)
        console.onEnd = { [weak self] in
            guard let self else { return }
            self.onEnd?(self)
            self.onEnd = nil
        }
    }

    /// Sets up what is at the far end; on failure the transport is closed.
    ///
    /// `shell` overrides what the shell reports itself to be.
    func open(within limit: Duration, shell: ShellChoice = .auto) async throws(Fault) {
        let deadline = IO.now + limit
        console.transport.resume()
        switch shell {
        case .raw: dialogue = RawDialogue(console)
        case .network:
            (dialogue, banner) = try await DeviceDialogue.open(
                console, until: deadline, target: target)
        default:
            try await open(until: deadline, as: ShellProfile(rawValue: shell.rawValue), limit)
        }
    }

    /// Waits for the login's end, and sets its shell up; or leaves to the client what asks.
    private func open(
        until deadline: ContinuousClock.Instant, as choice: ShellProfile?, _ limit: Duration
    ) async throws(Fault) {
        console.shell.isLogin = true
        console.shell.state.waitForLogin()
        switch await LoginWatch(console).wait(until: deadline) {
        case .asks:
            banner = SetUp.banner(console.intake.greeting)
            dialogue = LoginDialogue(console, target: target, choice: choice, limit: limit) {
                [weak self] in
                self?.dialogue = $0
                self?.endOfLogin = $1
            }
        case .prompt:
            let dialogue = ShellDialogue(console, target: target)
            banner = try await dialogue.open(until: deadline, as: choice)
            self.dialogue = dialogue
        case .over:
            defer { console.close() }
            try await SetUp(console: console, target: target, deadline: deadline, depth: 0)
                .giveUp()
        }
    }

    /// Hangs up; the end comes by `onEnd`.
    func close(saying why: String = "the session was closed") { console.close(saying: why) }

    // MARK: What it is

    /// The handle clients keep.
    var id: String { console.id }
    /// The output since set-up.
    var log: OutputLog { console.log }
    /// The terminal as programs see it: size, modes, screen.
    var display: Display { console.display }
    /// The shell's name as reported: `bash`, or `bash (from fish)`.
    var shellName: String { console.shell.name }
    /// How many shells were adopted inside each other.
    var depth: Int { console.depth }
    /// Whether its login is not over: something in it asks.
    var isAtLogin: Bool { console.shell.isLogin && console.end == nil }
    /// The newest command of the innermost shell.
    var command: SessionCommand? { console.shell.command }
    /// Whether a command has not ended yet.
    var isRunning: Bool { console.shell.isRunning }
    /// The shell's working directory, as far as known.
    var cwd: String? { console.directory(of: console.shell) }
    /// The same, unless a shell inside the first one may be on another host.
    var directoryOnHost: String? { console.depth == 0 ? cwd : nil }
    /// How its own shell ended; nil while it lives.
    var end: ProgramEnd? { console.end }
    /// When it was last used or last sent output.
    var lastUsed: ContinuousClock.Instant { max(touched, console.lastOutput) }

    /// A client uses it.
    func touch() { touched = IO.now }

    /// The text of the output from an offset on, as people read it.
    func cleaned(_ text: String, from offset: Int) -> String {
        dialogue.cleaned(text, from: offset)
    }

    // MARK: Calls

    /// Runs code and waits for its end, or until a line of its output matches, at most `wait`.
    func run(
        _ code: String, wait patience: Duration, timeout: Duration? = nil,
        until text: String? = nil, view: SessionView = .text,
        maxBytes: Int, for reader: Reader = Reader()
    ) async throws(Fault) -> CommandResult {
        try console.checkAlive()
        touch()
        let pattern = try text.map(Reading.pattern)
        let deadline = IO.now + patience
        let order = CommandOrder(
            code: code, wait: pattern == nil ? patience : .zero, timeout: timeout,
            seen: readers[reader.id].unfinished)
        let command = try await dialogue.run(order)
        var isMatched: Bool?
        if let pattern {
            // Its output begins when the shell has taken its line.
            await console.asker.wait(until: deadline) {
                command.outcome != nil || !console.shell.hasMarks || console.shell.state.isRunning
            }
            isMatched = await reading.find(pattern, from: command.begin, until: deadline)
        }
        var result = answers.result(of: command, from: command.begin, maxBytes: maxBytes)
        result.isMatched = isMatched
        return await told(result, to: reader, maxBytes, view)
    }

    /// Types text and keys, then waits for the command's end (at the prompt: for the next prompt).
    func send(
        text: String, keys: [String], enter: Bool, wait patience: Duration,
        until pattern: String? = nil, view: SessionView = .text, maxBytes: Int,
        for reader: Reader = Reader()
    ) async throws(Fault) -> CommandResult {
        try console.checkAlive()
        try console.checkFree()
        let shown = try console.atPrompt(text, isLine: enter && keys.isEmpty)
        let remark = keyboard.note(on: shown)
        var result = try await deliver(
            try keyboard.bytes(shown, keys, enter), line: enter ? shown : nil, wait: patience,
            until: pattern, maxBytes: maxBytes)
        let remarks = [remark, result.note].compactMap(\.self)
        if !remarks.isEmpty { result.note = remarks.joined(separator: "; ") }
        return await told(result, to: reader, maxBytes, view)
    }

    /// Types a secret and Enter for the program that an earlier answer reported as asking for it.
    ///
    /// The kernel must still show that program reading, with the echo off, at the same prompt.
    /// `programs`: those it may be typed into; nil: any.
    func send(
        secret: String, into programs: Set<String>? = nil, wait patience: Duration,
        until pattern: String? = nil, view: SessionView = .text, maxBytes: Int,
        for reader: Reader = Reader()
    ) async throws(Fault) -> CommandResult {
        try console.checkAlive()
        try console.checkFree()
        let bytes = try await secretPrompt.admit(secret, into: programs, on: console)
        console.intake.hide(bytes)
        let result = try await deliver(
            bytes + [13], wait: patience, until: pattern, maxBytes: maxBytes)
        return await told(result, to: reader, maxBytes, view)
    }

    /// The program that asks for a secret now, and its prompt; throws where none does, or none may
    /// be typed.
    func secretQuestion() async throws(Fault) -> (program: String, prompt: String) {
        try console.checkAlive()
        try console.checkFree()
        return try await secretPrompt.question(on: console)
    }

    /// Types bytes; `line`: they are this text and Enter.
    private func deliver(
        _ bytes: [UInt8], line: String? = nil, wait patience: Duration, until text: String?,
        maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        let pattern = try text.map(Reading.pattern)
        try await keyboard.check(bytes)
        touch()
        await dialogue.willType()
        // A login may have ended meanwhile, and its shell be set up just now.
        try console.checkAlive()
        try console.checkFree()
        let begin = log.end
        let deadline = IO.now + patience
        if bytes.contains(Keys.interrupt) { console.shell.state.interrupted() }
        if bytes.contains(Keys.suspend) { console.shell.state.suspended() }
        console.watch.typed(at: IO.now, toProgram: true, isCut: bytes.last == Keys.escape)
        console.display.typed()
        if secretPrompt.isOpen { console.intake.hideMasks(row: display.modes.row) }
        if let command, isRunning {
            await dialogue.watch(command, keys: bytes, isBefore: true)
            console.transport.write(bytes)
            let isMatched = await wait(for: pattern, from: begin, until: deadline) {
                command.outcome != nil
            }
            await dialogue.watch(command, keys: bytes, isBefore: false)
            var result = answers.result(of: command, from: begin, maxBytes: maxBytes)
            result.isMatched = isMatched
            return result
        }
        if console.shell.state.typed == nil { dialogue.typesAtPrompt(line) }
        console.shell.state.typed(bytes, at: begin)
        console.transport.write(bytes)
        // Where no prompt shows (`exec 2>/dev/null`), none will end the wait.
        if console.shell.state.typed?.isPromptOwed == true {
            IO.task { await self.dialogue.recover(from: bytes) }
        }
        let (level, isLogin) = (depth, console.shell.isLogin)
        let isMatched = await wait(for: pattern, from: begin, until: deadline) {
            self.console.shell.state.typed == nil && !self.console.shell.state.isSettingUp
        }
        await dialogue.recover(from: bytes)
        // The shell that was typed to may have ended, and with it the command that started it.
        if depth < level, let command {
            let upper = max(begin, command.end ?? log.end)
            var result = answers.result(of: command, in: begin..<upper, maxBytes: maxBytes)
            result.isMatched = isMatched
            return result
        }
        var result = answers.typed(from: begin, maxBytes: maxBytes)
        result.isMatched = isMatched
        if isLogin, result.state == .done {
            (result.exitCode, result.note) = (nil, endOfLogin)
        }
        return result
    }

    /// Waits until what was typed is over or asks something; with a pattern, until a line matches.
    private func wait(
        for pattern: LinePattern?, from begin: Int, until deadline: ContinuousClock.Instant,
        _ isOver: @IO () -> Bool
    ) async -> Bool? {
        guard let pattern else {
            await console.asker.wait(until: deadline, isOver)
            return nil
        }
        return await reading.find(pattern, from: begin, until: deadline)
    }

    /// Makes the shell that has the terminal the one that commands run in.
    func adopt(
        wait patience: Duration, view: SessionView = .text, maxBytes: Int,
        for reader: Reader = Reader()
    ) async throws(Fault) -> CommandResult {
        try console.checkAlive()
        try console.checkFree()
        touch()
        let begin = log.end
        try await dialogue.adopt(wait: patience)
        return await told(
            answers.result(of: nil, in: begin..<log.end, maxBytes: maxBytes), to: reader, maxBytes,
            view)
    }

    /// Output from an offset on (default: where the reader's last answer ended, at first where the
    /// newest command's begins), waiting for the goal, or until a line from there on matches.
    func read(
        offset: Int?, until text: String? = nil, wait patience: Duration,
        goal: ReadOutput.Goal = .end, raw: Bool, maxBytes: Int, for reader: Reader = Reader()
    ) async throws(Fault) -> CommandResult {
        touch()
        let last = readers[reader.id]
        let begin = offset ?? last.offset ?? command?.begin ?? 0
        if let text {
            return await told(
                try await reading.output(
                    from: begin, matching: text, after: offset ?? command?.begin ?? begin,
                    wait: patience, raw: raw, maxBytes: maxBytes),
                to: reader, raw ? nil : maxBytes)
        }
        return await told(
            try await reading.output(
                from: begin, for: goal, beyond: last, wait: patience, raw: raw,
                maxBytes: maxBytes),
            to: reader, raw ? nil : maxBytes)
    }

    /// The screen as a person would see it, waiting for a change past `offset` (default: from now).
    func readScreen(
        offset: Int?, wait patience: Duration, maxBytes: Int, for reader: Reader = Reader()
    ) async throws(Fault) -> CommandResult {
        touch()
        return noted(
            try await reading.screen(offset: offset, wait: patience, maxBytes: maxBytes),
            to: reader, isScreen: true)
    }

    /// A command's state without its output.
    func describe(_ command: SessionCommand?) -> CommandResult { noted(answers.describe(command)) }

    /// Gives the terminal another size: the program is notified by SIGWINCH.
    func resize(columns: Int, rows: Int) {
        guard columns != display.columns || rows != display.rows else { return }
        display.resize(columns: columns, rows: rows)
        console.transport.resize(columns: UInt16(columns), rows: UInt16(rows))
    }

    /// What clients type.
    var keyboard: Keyboard { Keyboard(console: console) }
    private var answers: Answers { Answers(console: console, dialogue: dialogue) }
    private var reading: Reading { Reading(console: console, answers: answers) }

    /// The answer to a client, with the screen where that is its `view`, or a program draws on it
    /// and `maxBytes` is given.
    private func told(
        _ result: CommandResult, to reader: Reader, _ maxBytes: Int?, _ view: SessionView = .text
    ) async -> CommandResult {
        var result = result
        if let maxBytes, view == .screen {
            await reading.replaceOutput(of: &result, maxBytes: maxBytes)
            return noted(result, to: reader, isScreen: true)
        }
        if let maxBytes { await reading.addScreen(to: &result, maxBytes: maxBytes) }
        return noted(result, to: reader)
    }

    /// Remembers what this answer gives to a client.
    private func noted(
        _ result: CommandResult, to reader: Reader, isScreen: Bool = false
    ) -> CommandResult {
        reader.gets { [weak self] id in self?.readers.told(id, result, isScreen: isScreen) }
        return noted(result)
    }

    /// Remembers what the result says about a program that asks for a secret.
    private func noted(_ result: CommandResult) -> CommandResult {
        secretPrompt.note(result)
        return result
    }
}
