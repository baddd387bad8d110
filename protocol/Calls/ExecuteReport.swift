// The result of the tool `ssh_execute`: what came of a command on one or many targets. Targets with
// the same outcome share one entry. Pure.
public import JSON

/// The joined results of one command on its targets.
public struct ExecuteReport: Sendable {
    /// What came of it, in a sentence; nil: one target, whose entry says it.
    public var summary: String?
    /// One entry for each outcome, in the order of the first target that had it.
    public var results: [RawJSON] = []
    /// How many commands are in each state.
    public var counts = Counts()
    /// Where it would run, in a dry run.
    public var targets: [String] = []
    /// The targets on which it was not started, as one before them failed.
    public var notStarted: [String] = []

    /// How many targets had each kind of outcome.
    public struct Counts: Sendable, Equatable {
        /// It ended with exit code 0.
        public var succeeded = 0
        /// It ended with another exit code, a signal, or in an unknown way.
        public var failed = 0
        /// It runs.
        public var running = 0
        /// It was ended at its time limit.
        public var timedOut = 0
        /// It was not run.
        public var notRun = 0

        /// None yet.
        public init() {}
    }

    private static let summary = Field.text(
        "summary", "What came of it on several targets, in one sentence."
    ).optional
    private static let target = Shared.target
    private static let error = Field.text(
        "error", "Why the command was not run on this target, or (state link_lost) may have been."
    ).optional
    private static let also = Field.pairs(
        "also", atMost: ExecuteTargets.limit,
        "The other targets whose outcome and output were the same, each with its command_id (empty "
            + "where it was not run)."
    ).optional
    private static let results = Field.objects(
        "results",
        [target.declaration] + RunResult.members.dropFirst().map(\.optional)
            + [error.declaration, also.declaration],
        "One entry for each different outcome, in the order of the targets.")
    private static let succeeded = Field.count(
        "succeeded", "How many commands ended with exit code 0."
    ).or(0)
    private static let failed = Field.count(
        "failed", "How many ended with another exit code, by a signal, or in an unknown way."
    ).or(0)
    private static let running = Field.count("running", "How many are still running.").or(0)
    private static let timedOut = Field.count(
        "timed_out", "How many were ended at timeout_s."
    ).or(0)
    private static let notRun = Field.count(
        "not_run", "How many targets could not be reached, or refused the command."
    ).or(0)
    private static let targets = Field.texts(
        "targets", "In a dry run: the targets it would run on."
    ).or([])
    private static let notStarted = Field.texts(
        "not_started", "The targets that were left out when the command was stopped."
    ).or([])

    static let members = [
        summary.declaration, results.declaration, succeeded.declaration, failed.declaration,
        running.declaration, timedOut.declaration, notRun.declaration, targets.declaration,
        notStarted.declaration,
    ]

    /// An empty report.
    public init() {}

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.summary, summary)
        members.put(Self.succeeded, counts.succeeded)
        members.put(Self.failed, counts.failed)
        members.put(Self.running, counts.running)
        members.put(Self.timedOut, counts.timedOut)
        members.put(Self.notRun, counts.notRun)
        members.put(Self.targets, targets)
        members.put(Self.notStarted, notStarted)
        members.put(Self.results, results.map { .raw($0) })
        return members.json
    }

    /// The entry of a target on which the command was not run, or of which no more is known than
    /// that it may have run.
    public static func entry(
        _ target: String, error text: String, mayHaveRun: Bool = false
    ) -> RawJSON {
        var members = Members()
        members.put(Self.target, target)
        if mayHaveRun { members.put(RunResult.state, .linkLost) }
        members.put(error, text)
        return RawJSON(members.json)
    }

    /// The entry of a command with a remark.
    public static func entry(_ entry: JSON.Object, note text: String) -> RawJSON {
        var entry = entry
        entry[RunResult.note.name] = .string(text)
        return RawJSON(.object(entry))
    }

    /// An entry with the other targets that had the same outcome, and their commands' ids.
    public static func entry(_ entry: JSON.Object, also others: [(String, String)]) -> RawJSON {
        var entry = entry
        entry[also.name] = also.encode(others)
        return RawJSON(.object(entry))
    }

    /// What tells one target's entry from another's where the outcome is the same.
    public static let own = [Shared.target.name, RunResult.commandID.name, RunResult.duration.name]

    /// The outcome that an entry shows.
    public static func outcome(of entry: JSON.Object) -> TargetOutcome {
        let fields = Fields(object: entry)
        if let text = (try? fields[error]) ?? nil, !fields.has(RunResult.state.name) {
            return .notRun(text)
        }
        switch try? fields[RunResult.state] {
        case .running: return .running
        case .timedOut: return .timedOut
        case .notRun: return .notRun(((try? fields[RunResult.note]) ?? nil) ?? "no reason given")
        case .done:
            if let code = (try? fields[RunResult.exitCode.optional]) ?? nil {
                return .exited(code)
            }
            return .failed(
                (((try? fields[RunResult.signal]) ?? nil).map { "signal \($0)" }) ?? "done")
        case let state?: return .failed(state.rawValue)
        case nil: return .failed("unreadable")
        }
    }
}

/// What came of the command on one target.
public enum TargetOutcome: Sendable, Hashable {
    case exited(Int)
    case running
    case timedOut
    /// It ended in another way: by a signal, with its link.
    case failed(String)
    /// It was not run, with the reason.
    case notRun(String)
}
