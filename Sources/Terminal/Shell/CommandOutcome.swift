// How one command ended, and the evidence for it. Invariant: `done` needs a mark with an exit
// status below 297; silence is never an outcome.
public import Programs

/// How one command ended.
public struct CommandOutcome: Sendable, Equatable {
    /// The final states; raw values are the wire's names.
    public enum State: String, Sendable, CaseIterable {
        /// The command ended; the exit status is known.
        case done
        /// The shell wanted more of the command.
        case incomplete
        /// The command was interrupted or could not be parsed.
        case aborted
        /// The command is suspended.
        case stopped
        /// The shell itself ended.
        case shellExited = "shell_exited"
        /// The connection to the shell is lost.
        case linkLost = "link_lost"
    }

    /// The evidence for an end; raw values are the wire's names.
    public enum Evidence: String, Sendable {
        /// A mark of the shell.
        case mark
        /// The learned prompt of a device.
        case prompt
        /// The end of the channel.
        case eof
    }

    /// How the command ended.
    public var state: State
    /// The exit status, if there is one.
    public var exitCode: Int32?
    /// The signal that ended the command, without SIG.
    public var signal: String?
    /// The evidence for the state.
    public var evidence: Evidence
    /// A short explanation for people.
    public var note: String?
    /// Whether an unfinished here-document may have taken in the sentinel line, which then ends its
    /// output.
    public var mayShowSentinel: Bool

    init(
        _ state: State, exitCode: Int32? = nil, signal: String? = nil,
        evidence: Evidence = .mark, note: String? = nil, mayShowSentinel: Bool = false
    ) {
        self.state = state
        self.exitCode = exitCode
        self.signal = signal
        self.evidence = evidence
        self.note = note
        self.mayShowSentinel = mayShowSentinel
    }
}

extension CommandOutcome {
    /// Which keys were sent to the terminal while the command ran.
    struct Asked: Sendable, Equatable {
        var interrupt = false
        var suspend = false
    }

    /// SIGTSTP as an exit status.
    private static let stoppedStatus = 148
    /// fish's status for code that it cannot parse.
    private static let unparsableStatus = 123

    /// What is true of the code before a place that the shell could not parse.
    private static func ran(_ runsCode: Bool) -> String {
        runsCode ? "what stands before the error has run" : "nothing of it has run"
    }

    /// Why a shell gives up code that it has parsed; `jobs`: those that it has.
    private static func reason(_ jobs: Int?) -> String {
        (jobs ?? 0) == 0
            ? "at an error"
            : "at an error, or at exit, which it refuses while it has jobs (exit once more ends it)"
    }

    /// The outcome that mark E reports.
    ///
    /// `runsCode`: the shell had parsed the first line and begun to run it.
    static func ended(
        _ status: Int, own: Int?, jobs: Int? = nil, _ asked: Asked, runsCode: Bool
    ) -> Self {
        // zsh abandons the code when a job of it is stopped.
        if asked.suspend, status == stoppedStatus || status == Mark.unfinished && !asked.interrupt {
            return Self(.stopped, signal: "TSTP", note: "fg resumes it")
        }
        if status == Mark.incomplete { return incomplete }
        if status != Mark.unfinished {
            return Self(.done, exitCode: Int32(truncatingIfNeeded: status))
        }
        if own == 130 || asked.interrupt { return interrupted }
        if let own, own != 0, own != unparsableStatus {
            return Self(
                .done, exitCode: Int32(truncatingIfNeeded: own),
                note: "the shell gave up \(reason(jobs)); what followed in the command did not run")
        }
        let isUnparsable = own == unparsableStatus
        return Self(
            .aborted, exitCode: isUnparsable ? Int32(unparsableStatus) : nil,
            note: "the shell could not parse \(runsCode ? "all of " : "")the command; "
                + ran(runsCode && !isUnparsable),
            mayShowSentinel: true)
    }

    /// The outcome of a command that ends before it is complete.
    static var incomplete: Self {
        Self(.incomplete, note: "the shell wanted more of the command")
    }

    private static var interrupted: Self {
        Self(.aborted, exitCode: 130, signal: "INT", note: "interrupted")
    }

    /// The outcome of a prompt without mark E before it.
    static func prompted(status: Int, sentinel: Int, _ asked: Asked, runsCode: Bool) -> Self {
        if asked.suspend, status == stoppedStatus || sentinel == stoppedStatus {
            return Self(.stopped, signal: "TSTP", note: "fg resumes it")
        }
        if sentinel < Mark.unfinished {
            return Self(.done, exitCode: Int32(truncatingIfNeeded: sentinel))
        }
        if status == 130 || asked.interrupt { return interrupted }
        return Self(
            .aborted,
            note: "the shell abandoned the command (its own status: \(status)); \(ran(runsCode))",
            mayShowSentinel: true)
    }

    /// The outcome of a command that a shell stopped without reporting it.
    public static var stoppedUnseen: Self {
        Self(.stopped, signal: "TSTP", note: "fg resumes it")
    }

    /// The outcome of a command whose shell, inside another, has ended.
    public static var leftShell: Self {
        Self(.shellExited, note: "the shell it ran in has ended")
    }

    /// The outcome of a command that put another program in the place of its shell.
    public static var replacedShell: Self {
        Self(.aborted, note: "another shell took the place of the one that ran it (exec)")
    }

    /// The outcome of a device's command: its prompt is back, and shows no status.
    public static var prompted: Self { Self(.done, evidence: .prompt) }

    /// The outcome when the shell's channel ended.
    public static func ended(_ end: ProgramEnd) -> Self {
        switch end {
        case .exited(let code): Self(.shellExited, exitCode: code, evidence: .eof)
        case .signalled(let name): Self(.shellExited, signal: name, evidence: .eof)
        case .unreported:
            Self(.shellExited, evidence: .eof, note: ProgramEnd.unreportedNote)
        case .lost(let reason): Self(.linkLost, evidence: .eof, note: reason)
        }
    }
}
