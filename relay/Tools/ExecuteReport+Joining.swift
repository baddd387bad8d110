// The entries of many targets, joined: equal outcomes share an entry, and one sentence says what
// came of it. Pure. Invariant: each target is in exactly one entry.
import JSON
import Wire

extension ExecuteReport {
    /// A report on targets, each with its answer, in their order; `summarizes`: with a sentence.
    init(_ answers: [(target: String, answer: RawJSON)], summarizes: Bool) {
        self.init()
        var groups: [Group] = []
        var places: [[UInt8]: Int] = [:]
        var outcomes: [(TargetOutcome, target: String)] = []
        for (target, answer) in answers {
            let entry = (try? answer.parsed(limits: .answer))?.objectValue ?? [:]
            let outcome = Self.outcome(of: entry)
            counts.add(outcome)
            outcomes.append((outcome, target))
            var shared = entry
            for name in Self.own { shared[name] = nil }
            let key = RawJSON(.object(shared)).bytes
            if let place = places[key] {
                groups[place].others.append((target, entry["command_id"]?.stringValue ?? ""))
            } else {
                places[key] = groups.count
                groups.append(Group(first: answer, entry: entry))
            }
        }
        results = groups.map { group in
            group.others.isEmpty ? group.first : Self.entry(group.entry, also: group.others)
        }
        if summarizes { summary = Self.sentence(outcomes, counts, isOneOutcome: groups.count == 1) }
    }

    private struct Group {
        let first: RawJSON
        let entry: JSON.Object
        var others: [(String, String)] = []
    }

    /// What came of it: how many succeeded, then each other outcome with its targets.
    ///
    /// `97 of 100 succeeded; exit code 1: site/web3, site/web7; not run: site/db2 (offline).`
    private static func sentence(
        _ outcomes: [(TargetOutcome, target: String)], _ counts: Counts, isOneOutcome: Bool
    ) -> String {
        var text = "\(counts.succeeded) of \(outcomes.count) succeeded"
        if isOneOutcome, outcomes.count > 1 { text += ", all with the same outcome and output" }
        var kinds: [(TargetOutcome, targets: [String])] = []
        let reasons = Set(outcomes.filter { $0.0.isNotRun }.map(\.0))
        for (outcome, target) in outcomes where outcome != .exited(0) {
            // Reasons name hosts and addresses: many of them would be many outcomes.
            let isOneOfMany = outcome.isNotRun && reasons.count > 2
            let outcome = isOneOfMany ? .notRun("results say why of each") : outcome
            if let place = kinds.firstIndex(where: { $0.0 == outcome }) {
                kinds[place].targets.append(target)
            } else {
                kinds.append((outcome, [target]))
            }
        }
        for (outcome, targets) in kinds.prefix(named) {
            var names = targets.prefix(named).joined(separator: ", ")
            if targets.count > named { names += " and \(targets.count - named) more" }
            text += "; " + outcome.words(names)
        }
        if kinds.count > named { text += "; and \(kinds.count - named) other outcomes" }
        return text + "."
    }

    /// The most targets of one outcome, and the most outcomes, that the sentence names.
    private static let named = 12
}

extension ExecuteReport.Counts {
    fileprivate mutating func add(_ outcome: TargetOutcome) {
        switch outcome {
        case .exited(0): succeeded += 1
        case .exited, .failed: failed += 1
        case .running: running += 1
        case .timedOut: timedOut += 1
        case .notRun: notRun += 1
        }
    }
}

extension TargetOutcome {
    /// Whether the command may have gone wrong, so that others should not get it.
    var isFailure: Bool { self != .exited(0) }

    /// Whether the command was not run.
    fileprivate var isNotRun: Bool { if case .notRun = self { true } else { false } }

    /// The outcome in a few words, for progress.
    var words: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .running: "still running"
        case .timedOut: "timed out"
        case .failed(let how): how
        case .notRun(let why): "not run (\(why.shown(atMost: 200)))"
        }
    }

    fileprivate func words(_ targets: String) -> String {
        if case .notRun(let why) = self { return "not run: \(targets) (\(why.shown(atMost: 200)))" }
        return "\(words): \(targets)"
    }
}
