// One check of `doctor`, as a value: what was tried, what came, what to do. Pure.
// Flow: a program's Doctor makes them, Examination collects them, Report shows them.
internal import Loop

/// What came of one thing that was tried.
public struct Check: Sendable, Equatable {
    /// What came, and what to do if it is not well.
    public enum Verdict: Sendable, Equatable {
        /// It is well.
        case ok(String)
        /// It works, and something about it should be known.
        case warning(String, advice: String)
        /// It does not work; `exit` is the program's exit code if it is the first fault.
        case fault(String, advice: String, exit: Int32)
    }

    /// A short name, the same in each run.
    public let name: String
    /// What was tried.
    public let tried: String
    /// What came of it.
    public let verdict: Verdict

    /// A check that is done.
    public init(_ name: String, _ tried: String, _ verdict: Verdict) {
        self.name = name
        self.tried = tried
        self.verdict = verdict
    }
}

extension Check.Verdict {
    /// The word for programs: `ok`, `warning` or `fault`.
    public var word: String {
        switch self {
        case .ok: "ok"
        case .warning: "warning"
        case .fault: "fault"
        }
    }

    /// What came, in one line.
    public var came: String {
        switch self {
        case .ok(let came), .warning(let came, _), .fault(let came, _, _): Self.line(came)
        }
    }

    /// What to do; nil if all is well.
    public var advice: String? {
        switch self {
        case .ok: nil
        case .warning(_, let advice), .fault(_, let advice, _): Self.line(advice)
        }
    }

    /// The exit code of a fault.
    var exit: Int32? {
        switch self {
        case .ok, .warning: nil
        case .fault(_, _, let exit): exit
        }
    }

    /// What relays, servers and files say must neither break the line nor control a terminal.
    private static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: "; ").plain(keepsLines: false)
    }
}
