// What a shell is doing, followed from its marks alone. The session types and reads; this says what a
// mark means and what to type next. No I/O, no clock.
// Invariant: one command at a time, and each command gets exactly one outcome.
public import Programs

/// The state machine of one shell.
public struct ShellState: Sendable {
    /// What the shell is doing.
    public enum Phase: Equatable, Sendable {
        /// Set-up lines are on their way.
        case settingUp
        /// At its prompt.
        case ready
        /// Pieces of long code are being collected.
        case collecting
        /// The command's line is typed; its output has not begun.
        case typed
        /// The command runs.
        case running
        /// The command is over; the prompt has not come yet.
        case ending
        /// The shell is gone.
        case ended(ProgramEnd)
    }

    /// What the session does about a mark.
    public enum Action: Equatable, Sendable {
        /// The first set-up line is answered.
        case promptArmed
        /// The shell is ready for its first command.
        case setUpDone
        /// A piece was taken.
        case pieceTaken
        /// The command's output begins here.
        case outputBegan
        /// The command is over; its output ends here.
        case finished(CommandOutcome)
        /// The prompt is back.
        case promptReady
        /// The prompt is back after a line that is no command.
        case quietOver
        /// The shell wants more of a line that a client typed at its prompt.
        case wantsMore
        /// bash showed an old prompt: an empty line makes it show a new one.
        case typeEmptyLine
        /// The shell wants more input: interrupt it.
        case typeInterrupt
    }

    /// What the shell is doing.
    public private(set) var phase = Phase.settingUp
    /// The shell's working directory, as bytes.
    public private(set) var directory: [UInt8] = []
    /// The number of the newest command.
    public private(set) var number = 0
    /// The status of the newest command: `$?` of the next one.
    public private(set) var previousStatus = 0
    /// The `$?` of the newest prompt: the status of lines that a client typed itself.
    public private(set) var promptStatus = 0

    private var asked = CommandOutcome.Asked()
    private var isIncomplete = false
    private var isQuiet = false
    /// The line was typed before the prompt of the command before it came.
    private var isPromptOwed = false

    /// A shell before set-up.
    public init() {}

    /// A command is about to be typed; with `pieces` its code is collected first.
    public mutating func start(pieces: Bool) {
        number += 1
        isPromptOwed = phase == .ending
        phase = pieces ? .collecting : .typed
        asked = .init()
        isIncomplete = false
        isQuiet = false
    }

    /// A line was typed at the prompt that is nobody's command: `$?` stays what it was.
    public mutating func typedQuietly() { isQuiet = phase == .ready }

    /// The line that runs the collected code was typed.
    public mutating func typedCommand() {
        if phase == .collecting { phase = .typed }
    }

    /// Ctrl-C was sent.
    public mutating func interrupted() { asked.interrupt = true }

    /// Ctrl-Z was sent.
    public mutating func suspended() { asked.suspend = true }

    /// Follows one mark.
    public mutating func receive(_ mark: Mark) -> Action? {
        switch mark {
        case .began(let number, _):
            guard phase == .typed, number == self.number else { return nil }
            phase = .running
            return .outputBegan
        case .ended(let status, let own, let number, let directory):
            guard phase == .typed || phase == .running, number == self.number else { return nil }
            self.directory = directory
            phase = .ending
            return finish(.ended(status, own: own, asked))
        case .prompt(let status, let sentinel, let number, let directory):
            // After E the directory is known; ash's prompt would change backslashes in it.
            if phase != .ending { self.directory = directory }
            promptStatus = status
            return prompt(status: status, sentinel: sentinel, number: number)
        case .continuation:
            if phase == .ready { return .wantsMore }
            guard phase == .typed || phase == .running || phase == .collecting else { return nil }
            isIncomplete = true
            return .typeInterrupt
        case .identity, .exports: return nil
        }
    }

    /// The channel ended; a command without an outcome has that of the end.
    public mutating func end(_ end: ProgramEnd) { phase = .ended(end) }

    private mutating func prompt(status: Int, sentinel: Int, number: Int) -> Action? {
        switch phase {
        case .settingUp:
            guard sentinel == 0 else { return .promptArmed }
            phase = .ready
            return .setUpDone
        case .ready:
            if isQuiet {
                isQuiet = false
                return .quietOver
            }
            previousStatus = status & 255
            return .promptReady
        case .ending:
            // Any prompt after E is the one: bash may print it with the values before an abort.
            phase = .ready
            return .promptReady
        case .collecting:
            // After Ctrl-C a piece may be missing: what is left of the code must not run.
            if isIncomplete || asked.interrupt {
                return over(status: status, sentinel: Mark.unfinished)
            }
            return number == self.number - 1 ? .pieceTaken : nil
        case .typed:
            // The prompt before this line, or the code never began.
            if isIncomplete { return over(status: status, sentinel: Mark.unfinished) }
            if number == self.number { return over(status: status, sentinel: sentinel) }
            if isPromptOwed {
                isPromptOwed = false
                return nil
            }
            // Ctrl-C came before the line was taken: the terminal threw it away.
            return asked.interrupt ? over(status: status, sentinel: Mark.unfinished) : nil
        case .running:
            guard number == self.number else { return .typeEmptyLine }
            return over(status: status, sentinel: sentinel)
        case .ended: return nil
        }
    }

    private mutating func over(status: Int, sentinel: Int) -> Action {
        phase = .ready
        if isIncomplete {
            return finish(.incomplete)
        }
        return finish(.prompted(status: status, sentinel: sentinel, asked))
    }

    private mutating func finish(_ outcome: CommandOutcome) -> Action {
        let interrupted: Int32 = outcome.signal == "INT" ? 130 : outcome.signal == "TSTP" ? 148 : 2
        previousStatus = Int((outcome.exitCode ?? interrupted) & 255)
        return .finished(outcome)
    }
}
