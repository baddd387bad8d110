// The checks of `doctor` as people and as programs read them. Pure.
public import JSON

/// What `doctor` prints, and its exit code.
public struct Report: Sendable {
    private let checks: [Check]

    /// A report on checks, in their order.
    public init(_ checks: [Check]) { self.checks = checks }

    /// The exit code of the first fault; 0 without one, warnings or not.
    public var exit: Int32 { checks.compactMap(\.verdict.exit).first ?? 0 }

    /// A line for each check, and one on all of them.
    public var text: String {
        let width = checks.map(\.name.count).max() ?? 0
        let lines = checks.map { check in
            let gap = String(repeating: " ", count: width - check.name.count)
            let advice = check.verdict.advice.map { " → \($0)" } ?? ""
            return "\(Self.mark(check.verdict))  \(check.name)\(gap)  \(check.tried): "
                + "\(check.verdict.came)\(advice)\n"
        }
        return lines.joined() + summary + "\n"
    }

    /// The same as data.
    public var json: JSON {
        [
            "checks": .array(
                checks.map { check in
                    var members: JSON.Object = [
                        "name": .string(check.name), "tried": .string(check.tried),
                        "came": .string(check.verdict.came), "verdict": .string(check.verdict.word),
                    ]
                    if let advice = check.verdict.advice { members["advice"] = .string(advice) }
                    return .object(members)
                }),
            "faults": JSON(count("fault")), "warnings": JSON(count("warning")),
            "exit": JSON(exit),
        ]
    }

    private func count(_ word: String) -> Int { checks.count { $0.verdict.word == word } }

    private var summary: String {
        let (faults, warnings) = (count("fault"), count("warning"))
        if faults + warnings == 0 { return "all \(checks.count) checks are well" }
        return "\(checks.count) checks: \(faults) \(faults == 1 ? "fault" : "faults"), "
            + "\(warnings) \(warnings == 1 ? "warning" : "warnings")"
    }

    private static func mark(_ verdict: Check.Verdict) -> String {
        switch verdict {
        case .ok: "ok  "
        case .warning: "warn"
        case .fault: "FAIL"
        }
    }
}
