// Commands as people read them: their outputs, each with one line on its end or on what to do next;
// and what came of one command on many targets. Pure.
import JSON
import Wire

/// The text of a command's result.
struct RunText {
    private let members: JSON.Object

    init(_ members: JSON.Object) { self.members = members }

    /// One command, or several by their ids.
    static func text(of members: JSON.Object) -> String {
        guard let results = members["results"]?.arrayValue else { return RunText(members).text }
        let runs = results.map { RunText($0.opened.objectValue ?? [:]) }
        let texts = runs.map { run in
            "=== \(run.word("command_id") ?? "") \(run.word("target") ?? "")\n\(run.text)\n"
        }
        let running = runs.count { !$0.isOver }
        return texts.joined() + "[\(runs.count - running) ended, \(running) running]"
    }

    private func word(_ name: String) -> String? { members[name]?.stringValue }
    private func number(_ name: String) -> Int64 { members[name]?.intValue ?? 0 }
    private var state: RunState? { word("state").flatMap(RunState.init(rawValue:)) }
    private var isOver: Bool {
        state?.isOver(isDetached: members["detached"] == true) ?? true
    }

    /// The outputs, and the line.
    var text: String { outputs + status(names: true) }

    /// The outputs alone.
    var outputs: String {
        let errors = word("stderr") ?? ""
        return (word("stdout") ?? "").endingLine
            + (errors.isEmpty ? "" : "--- stderr\n" + errors.endingLine)
    }

    /// The line; `names`: with the target.
    func status(names: Bool) -> String {
        if let error = word("error"), state == nil { return "[\(error)]" }
        var line = StatusLine()
        line.add(state.map(words) ?? word("state"))
        if !isOver || number("omitted_bytes") > 0 { line.add(word("command_id")) }
        line.addTime(of: members)
        if names { line.add(word("target")) }
        line.add(members["matched"]?.boolValue.map { $0 ? "matched" : "no line matched" })
        if members["ends_in_s"] != nil { line.add("ends in \(number("ends_in_s")) s at most") }
        if word("encoding") != nil { line.add("outputs are base64") }
        let replaced = members["not_utf8"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if !replaced.isEmpty {
            line.add("\(replaced.joined(separator: ", ")) is not all UTF-8: encoding base64")
        }
        if number("omitted_bytes") > 0 {
            line.add("\(number("omitted_bytes")) bytes left out: ssh_command_output by offset")
        }
        line.add(next: next)
        return line.text(note: word("error") ?? word("note"))
    }

    private var next: String? {
        guard !isOver, let id = word("command_id"), let state else { return nil }
        if state == .running || state == .linkLost {
            var arguments: JSON.Object = ["command_id": .string(id), "wait_s": 30]
            arguments["stdout_offset"] = members["stdout_next_offset"]
            arguments["stderr_offset"] = members["stderr_next_offset"]
            return StatusLine.call("ssh_command_output", arguments)
        }
        return "ssh_session_send"
    }

    private func words(_ state: RunState) -> String {
        switch state {
        case .done:
            if let code = members["exit_code"]?.intValue { return "exit \(code)" }
            return word("signal").map { "signal \($0)" } ?? "done"
        case .running: return "running"
        case .timedOut: return "timed out"
        case .cancelled: return "cancelled" + (word("signal").map { ", signal \($0)" } ?? "")
        case .linkLost: return "the connection was lost"
        case .endedWithoutStatus: return "ended without an exit status"
        case .notRun: return "not run"
        case .failed: return "failed"
        case .lineInput: return "waits for a line"
        case .secret: return "waits for a secret"
        case .fullscreen: return "full-screen program"
        case .incomplete: return "the shell wants more of the command"
        case .aborted: return "aborted"
        case .stopped: return "stopped (Ctrl-Z)"
        case .shellExited: return "the shell ended"
        case .maybeInput: return "may wait for input"
        }
    }
}

/// The text of one command on targets.
struct ReportText {
    private let members: JSON.Object

    init(_ members: JSON.Object) { self.members = members }

    /// The most targets that a heading names.
    private static let named = 20

    var text: String {
        let results = (members["results"]?.arrayValue ?? []).map { $0.opened.objectValue ?? [:] }
        let dry = members["targets"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard let summary = members["summary"]?.stringValue else {
            return results.map { RunText($0).text }.joined(separator: "\n")
        }
        var text = summary + "\n" + dry.map { $0 + "\n" }.joined()
        for result in results {
            text += "=== \(Self.heading(result))\n"
            text += RunText(result).outputs + RunText(result).status(names: false) + "\n"
        }
        let left = members["not_started"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if !left.isEmpty { text += "[not started: \(Self.names(left))]\n" }
        return String(text.dropLast())
    }

    /// The targets of one outcome, with the commands' ids where these still run.
    private static func heading(_ result: JSON.Object) -> String {
        let isRunning = result["state"]?.stringValue == RunState.running.rawValue
        var targets = [result["target"]?.stringValue ?? ""]
        for (target, id) in result["also"]?.objectValue ?? [:] {
            let id = id.stringValue ?? ""
            targets.append(isRunning && !id.isEmpty ? "\(target) (\(id))" : target)
        }
        return names(targets)
    }

    private static func names(_ all: [String]) -> String {
        guard all.count > named else { return all.joined(separator: ", ") }
        return all.prefix(named).joined(separator: ", ") + " and \(all.count - named) more"
    }
}
