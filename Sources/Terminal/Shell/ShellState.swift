// What a shell is doing, known from its marks alone. The session types and reads; ShellState
// decides what a mark means and what to type next. No I/O, no clock.
// Invariant: one command at a time, and each command gets exactly one outcome.
public import Programs

/// The state machine of one shell.
public struct ShellState: Sendable {
    /// What the shell is doing.
    public enum Phase: Equatable, Sendable {
        /// The login runs, and nothing has been typed.
        case login
        /// It has been asked which shell it is.
        case asking
        /// Set-up lines have been typed. `isArmed`: the first one is answered.
        case arming(isArmed: Bool)
        /// At its prompt.
        case ready
        /// At its prompt, with a line of our own typed that is not a client's command.
        case quiet
        /// At its prompt, where a client types.
        case typing(TypedInput)
        /// A command, from when it is typed to its end.
        case command(Run)
        /// The command is over; the prompt has not come yet.
        case ending
        /// The shell is gone.
        case ended(ProgramEnd)
    }

    /// The state of a command.
    public struct Run: Equatable, Sendable {
        enum Step: Equatable {
            /// Pieces of long code are being collected.
            case collecting
            /// The command's line is typed; its output has not begun.
            case typed
            /// The command runs.
            case running
        }

        var step: Step
        var asked = CommandOutcome.Asked()
        var isIncomplete = false
        /// Whether the line was typed before the previous command's prompt came.
        var isPromptOwed: Bool
        /// The shell was asked for another prompt, as the one it showed was old.
        var isAskedAgain = false
        /// The shell has parsed the first line of the code, and runs it.
        var runsCode = false
    }

    /// What may still be at the prompt, or reach it, of what was typed before.
    public struct Remains: OptionSet, Sendable {
        /// The bits.
        public let rawValue: Int
        /// The set with these bits.
        public init(rawValue: Int) { self.rawValue = rawValue }
        /// A line that a line editor shows again behind its prompt.
        public static let line = Remains(rawValue: 1)
        /// A Ctrl-C that may have come after the end of what it was sent to.
        public static let interrupt = Remains(rawValue: 2)
    }

    /// The session's action after a mark.
    public enum Action: Equatable, Sendable {
        /// The first set-up line is answered.
        case promptArmed
        /// The shell is ready for its first command.
        case setUpDone
        /// A piece was accepted.
        case pieceTaken
        /// The command's output begins here.
        case outputBegan
        /// The command's output begins here, and not where a mark said so before.
        case outputBeganAgain
        /// The command is over; its output ends here.
        case finished(CommandOutcome)
        /// The prompt is back.
        case promptReady
        /// The prompt that follows a command's end is there; what came since then is its own.
        case promptFollowed
        /// The prompt is back after what a client typed.
        case typingOver
        /// The shell wants more of a line that a client typed at its prompt.
        case wantsMore
        /// The prompt is back after a line that is not a client's command.
        case quietOver
        /// bash showed an old prompt: an empty line makes it show a new one.
        case typeEmptyLine
        /// The shell wants more input: interrupt it.
        case typeInterrupt
    }

    /// What the shell is doing.
    public private(set) var phase = Phase.asking
    /// The shell's working directory, as bytes.
    public private(set) var directory: [UInt8] = []
    /// The number of the newest command.
    public private(set) var number = 0
    /// The status of the newest command: `$?` of the next one.
    public private(set) var previousStatus = 0
    /// The `$?` of the newest prompt: the status of lines that a client typed itself.
    public private(set) var promptStatus = 0
    /// Whether the user's own prompt follows the newest mark of a prompt.
    public private(set) var showsOwnPrompt = false
    /// The jobs that the shell had at the end of the newest command or at its prompt; nil: it has
    /// not counted them.
    public private(set) var jobs: Int?
    /// What the next command may find at its prompt.
    public private(set) var remains: Remains = []

    /// A shell before set-up.
    public init() {}

    /// Whether a command's output is arriving.
    public var isRunning: Bool {
        if case .command(let run) = phase { return run.step == .running }
        return false
    }
    /// Whether a command's line is typed, and no mark shows yet that the shell has read it.
    public var isTyped: Bool {
        if case .command(let run) = phase { return run.step == .typed }
        return false
    }
    /// Whether set-up is not finished.
    public var isSettingUp: Bool {
        switch phase {
        case .login, .asking, .arming: true
        case .ready, .quiet, .typing, .command, .ending, .ended: false
        }
    }
    /// What a client has typed at the prompt; nil if nothing.
    public var typed: TypedInput? {
        if case .typing(let input) = phase { return input }
        return nil
    }

    // MARK: What is typed

    /// Notes that nothing is typed until the login is over.
    public mutating func waitForLogin() { if phase == .asking { phase = .login } }

    /// Notes that the shell is asked which it is.
    public mutating func ask() { if phase == .login { phase = .asking } }

    /// Notes that the lines of set-up are typed.
    public mutating func arm() { phase = .arming(isArmed: false) }

    /// Notes that no mark will ever come, and that the program there takes input.
    public mutating func goWithoutMarks() { phase = .ready }

    /// Notes that a command is about to be typed; with `pieces` its code is collected first.
    public mutating func start(pieces: Bool) {
        number += 1
        remains = []
        phase = .command(
            Run(step: pieces ? .collecting : .typed, isPromptOwed: phase == .ending))
    }

    /// Notes that a line was typed at the prompt that is not a client's command: `$?` keeps its
    /// value.
    public mutating func typedQuietly() {
        if phase == .ready { phase = .quiet }
    }

    /// Notes that the line that runs the collected code was typed.
    public mutating func typedCommand() {
        change { if $0.step == .collecting { $0.step = .typed } }
    }

    /// Notes that a client types at the prompt; its output begins at `begin`.
    public mutating func typed(_ bytes: [UInt8], at begin: Int) {
        var input: TypedInput
        switch phase {
        case .typing(let before): input = before
        case .ready: input = TypedInput(begin: begin)
        case .quiet, .ending: input = TypedInput(begin: begin, isPromptOwed: true)
        case .login, .asking, .arming, .command, .ended: return
        }
        input.type(bytes)
        phase = .typing(input)
    }

    /// Notes that what a client typed was cleared from the line editor.
    public mutating func clearedTyping() {
        guard case .typing(var input) = phase else { return }
        input.clear()
        phase = .typing(input)
    }

    /// Notes that a client's input is over, as shown by something other than a mark.
    public mutating func endTyping() {
        if case .typing = phase { phase = .ready }
    }

    /// Notes that something that was typed before may be at the prompt.
    public mutating func reopenTyping(at begin: Int) {
        guard phase == .ready || phase == .ending else { return }
        phase = .typing(TypedInput(begin: begin, isPromptOwed: phase == .ending))
    }

    /// Notes that the prompt before a command's line is there, though no mark has shown it.
    public mutating func foundPrompt() { change { $0.isPromptOwed = false } }

    /// Notes that Ctrl-C was sent to a command.
    public mutating func interrupted() { change { $0.asked.interrupt = true } }

    /// Notes that Ctrl-Z was sent to a command.
    public mutating func suspended() { change { $0.asked.suspend = true } }

    private mutating func change(_ body: (inout Run) -> Void) {
        guard case .command(var run) = phase else { return }
        body(&run)
        phase = .command(run)
    }

    // MARK: What comes

    /// Takes in one mark.
    public mutating func receive(_ mark: Mark) -> Action? {
        switch mark {
        case .began(let number, _):
            guard case .command(let run) = phase, run.step != .collecting, number == self.number
            else { return nil }
            change {
                $0.runsCode = run.step == .running
                $0.step = .running
            }
            // What came between two of these marks was a trace of the line typed here.
            return run.step == .running ? .outputBeganAgain : .outputBegan
        case .ended(let status, let own, let jobs, let number, let directory):
            if case .typing(let input) = phase, number == self.number {
                return typingOver(input)
            }
            guard case .command(let run) = phase, run.step != .collecting, number == self.number
            else { return nil }
            self.directory = directory
            self.jobs = jobs
            phase = .ending
            let isIncomplete = run.isIncomplete && status == Mark.unfinished
            return finish(
                isIncomplete
                    ? .incomplete
                    : .ended(status, own: own, jobs: jobs, run.asked, runsCode: run.runsCode),
                run.asked)
        case .prompt(let status, let jobs, let sentinel, let number, let directory):
            if let jobs { self.jobs = jobs }
            // E has given the directory; ash's prompt would change backslashes in it.
            if phase != .ending { self.directory = directory }
            promptStatus = status & 255
            showsOwnPrompt = status & Mark.ownPrompt > 0
            return prompt(status: promptStatus, sentinel: sentinel, number: number)
        case .continuation: return continuation()
        case .identity, .exports: return nil
        }
    }

    /// Notes that the channel ended; the end is the outcome of a command that has none.
    public mutating func end(_ end: ProgramEnd) { phase = .ended(end) }

    private mutating func continuation() -> Action? {
        switch phase {
        case .typing(var input):
            input.wantsMore = true
            phase = .typing(input)
            return .wantsMore
        case .command(let run):
            // A shell that runs a command has read its whole line: the command itself printed the
            // mark (`read` in bash, for a line that ends in a backslash).
            guard run.step != .running else { return nil }
            change { $0.isIncomplete = true }
            return .typeInterrupt
        case .login, .asking, .arming, .ready, .quiet, .ending, .ended: return nil
        }
    }

    private mutating func prompt(status: Int, sentinel: Int, number: Int) -> Action? {
        switch phase {
        case .login, .asking, .ended: return nil
        case .arming:
            guard sentinel == 0 else {
                phase = .arming(isArmed: true)
                return .promptArmed
            }
            phase = .ready
            return .setUpDone
        case .ready:
            previousStatus = status & 255
            return .promptReady
        case .quiet:
            phase = .ready
            return .quietOver
        case .typing(var input):
            if input.isPromptOwed {
                input.isPromptOwed = false
                phase = .typing(input)
                return .promptReady
            }
            previousStatus = status & 255
            // What was typed after the last Enter is at the new prompt.
            guard !input.hasTail else {
                input.restart()
                phase = .typing(input)
                return .promptReady
            }
            return typingOver(input)
        case .ending:
            // Any prompt after E counts: bash may print it with the values from before an abort.
            phase = .ready
            return .promptFollowed
        case .command(let run): return prompt(run, status: status, sentinel: sentinel, number)
        }
    }

    /// What a client typed is over: its prompt came, or mark E in place of one that is not shown.
    private mutating func typingOver(_ input: TypedInput) -> Action {
        phase = .ready
        remains.insert(.line)
        // The prompt may be that of the line, with the Ctrl-C still on its way.
        if input.isEntered, input.isInterrupted { remains.insert(.interrupt) }
        return .typingOver
    }

    /// Handles a prompt during a command.
    private mutating func prompt(
        _ run: Run, status: Int, sentinel: Int, _ number: Int
    ) -> Action? {
        let isOwn = number == self.number
        switch run.step {
        case .collecting:
            // After Ctrl-C a piece may be missing: the remaining code must not run.
            if run.isIncomplete || run.asked.interrupt {
                return over(run, status: status, sentinel: Mark.unfinished)
            }
            return number == self.number - 1 ? .pieceTaken : nil
        case .typed:
            // This is the prompt before this line, or the code never began.
            if run.isIncomplete { return over(run, status: status, sentinel: Mark.unfinished) }
            if isOwn { return over(run, status: status, sentinel: sentinel) }
            if run.isPromptOwed {
                change { $0.isPromptOwed = false }
                return .promptFollowed
            }
            // Ctrl-C came before the line was read: the terminal dropped the line.
            return run.asked.interrupt
                ? over(run, status: status, sentinel: Mark.unfinished) : nil
        case .running:
            if isOwn { return over(run, status: status, sentinel: sentinel) }
            guard !run.isAskedAgain else {
                return over(run, status: status, sentinel: Mark.unfinished)
            }
            change { $0.isAskedAgain = true }
            return .typeEmptyLine
        }
    }

    private mutating func over(_ run: Run, status: Int, sentinel: Int) -> Action {
        phase = .ready
        if run.isIncomplete { return finish(.incomplete, run.asked) }
        return finish(
            .prompted(
                status: status, sentinel: sentinel, run.asked, runsCode: run.runsCode), run.asked)
    }

    private mutating func finish(_ outcome: CommandOutcome, _ asked: CommandOutcome.Asked) -> Action
    {
        // Nothing shows that the Ctrl-C met the command.
        if asked.interrupt, outcome.state == .done, outcome.exitCode != 130 {
            remains.insert(.interrupt)
        }
        let interrupted: Int32 = outcome.signal == "INT" ? 130 : outcome.signal == "TSTP" ? 148 : 2
        previousStatus = Int((outcome.exitCode ?? interrupted) & 255)
        return .finished(outcome)
    }
}
