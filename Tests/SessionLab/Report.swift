// What came of a run: a matrix case × shell, and the counts that must hold. Pure.
import Support

/// All verdicts of one run.
struct Report: Sendable {
    var name: String
    var verdicts: [Verdict]
    var took: Duration

    var wrong: [String] {
        verdicts.flatMap { verdict in
            verdict.wrong.map { "\(verdict.topic.title), \(verdict.shell): \($0)" }
        }
    }
    /// Answers that should have told a state.
    var answers: Int { verdicts.map(\.answers).reduce(0, +) }
    /// Of these, those that said `running`.
    var late: Int { verdicts.map(\.late.count).reduce(0, +) }
    var lateShare: Double { answers == 0 ? 0 : Double(late) / Double(answers) }

    /// The matrix and the counts, as lines.
    func text(_ shells: [Shell]) -> String {
        var lines = [Self.line("", shells.map(\.rawValue))]
        for topic in Case.allCases {
            let cells = shells.map { shell in
                cell(verdicts.filter { $0.topic == topic && $0.shell == shell })
            }
            if cells.contains(where: { $0 != "-" }) {
                lines.append(
                    Self.line("\(Self.padded("\(topic.rawValue)", 2)) \(topic.title)", cells))
            }
        }
        let seconds = (took / .milliseconds(100)).rounded() / 10
        lines.append(
            "\(name): \(verdicts.count) rows in \(seconds) s; \(answers) answers with a knowable "
                + "state: wrong \(wrong.count), running \(late) "
                + "(\((lateShare * 10_000).rounded() / 100) %)")
        for verdict in verdicts {
            for step in verdict.late {
                lines.append(
                    "  late: \(verdict.topic.title), \(verdict.shell): \(step.prefix(100))")
            }
        }
        return lines.joined(separator: "\n")
    }

    private func cell(_ verdicts: [Verdict]) -> String {
        if verdicts.isEmpty { return "-" }
        if verdicts.contains(where: { !$0.wrong.isEmpty }) { return "WRONG" }
        let late = verdicts.map(\.late.count).reduce(0, +)
        return late > 0 ? "late \(late)" : "ok \(verdicts.map(\.answers).reduce(0, +))"
    }

    private static func line(_ head: String, _ cells: [String]) -> String {
        padded(head, 20) + cells.map { padded($0, 8) }.joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
