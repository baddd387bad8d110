// What runs in a session as people read it: the output or the screen, then one line on its state
// and what to do next. Pure.
import JSON
import Wire

/// The text of a session's command result.
struct SessionText {
    private let members: JSON.Object
    private let profile: ToolProfile

    init(_ members: JSON.Object, _ profile: ToolProfile = .all) {
        (self.members, self.profile) = (members, profile)
    }

    private func word(_ name: String) -> String? { members[name]?.stringValue }
    private func number(_ name: String) -> Int64 { members[name]?.intValue ?? 0 }

    var text: String {
        var text = (word("output") ?? "").endingLine
        let screen = members["screen"]?.objectValue
        if let rows = screen?["rows"]?.arrayValue {
            text += rows.map { ($0.stringValue ?? "") + "\n" }.joined()
        }
        var line = StatusLine()
        let state = word("state").flatMap(CommandState.init(rawValue:))
        line.add(state.map(words) ?? word("state"))
        line.add(word("foreground"))
        line.add(prompt)
        if let screen { line.add(Self.size(screen)) }
        if state?.isOver != true { line.add(word("session_id")) }
        line.addTime(of: members)
        line.add(word("cwd"))
        line.add(word("shell").map { "in \($0), \(number("depth")) inside" })
        line.add(members["matched"]?.boolValue.map { $0 ? "matched" : "no line matched" })
        line.add(leftOut)
        line.add(evidence)
        line.add(next: state.flatMap(next))
        return text + line.text(note: word("note"))
    }

    private func words(_ state: CommandState) -> String {
        switch state {
        case .done, .aborted, .shellExited:
            let how =
                members["exit_code"]?.intValue.map { "exit \($0)" }
                ?? word("signal").map { "signal \($0)" }
            switch state {
            case .done: return how ?? "done"
            case .aborted: return ["aborted", how].compactMap { $0 }.joined(separator: ", ")
            default: return ["the shell ended", how].compactMap { $0 }.joined(separator: ", ")
            }
        case .running: return "running"
        case .lineInput: return "waits for a line"
        case .secret: return "waits for a secret"
        case .fullscreen: return "full-screen program"
        case .incomplete: return "the shell wants more of the command"
        case .stopped: return "stopped (Ctrl-Z)"
        case .linkLost: return "the connection was lost"
        case .maybeInput: return "may wait for input"
        }
    }

    private var prompt: String? { word("prompt").map { "prompt \"\($0)\"" } }

    private static func size(_ screen: JSON.Object) -> String {
        func number(_ json: JSON?) -> Int64 { json?.intValue ?? 0 }
        return "screen \(number(screen["cols"]))×\(number(screen["rows_count"])), cursor row "
            + "\(number(screen["cursor"]?["row"])) col \(number(screen["cursor"]?["col"]))"
    }

    /// What the output lacks, and how to get it.
    private var leftOut: String? {
        let session = word("session_id") ?? ""
        guard profile.shows("ssh_session_read") else {
            let count = number("omitted_bytes")
            return count > 0 ? "\(count) bytes left out: look at parts, by head, tail or grep" : nil
        }
        if number("omitted_bytes") > 0 {
            let call = StatusLine.call(
                "ssh_session_read",
                ["session_id": .string(session), "offset": members["offset"] ?? 0])
            return "\(number("omitted_bytes")) bytes left out: \(call)"
        }
        if number("lost_bytes") > 0 { return "\(number("lost_bytes")) bytes are lost" }
        guard members["truncated"] == true, members["screen"] == nil else { return nil }
        let call = StatusLine.call(
            "ssh_session_read",
            ["session_id": .string(session), "offset": members["next_offset"] ?? 0])
        return "more: \(call)"
    }

    private var evidence: String? {
        members["evidence"]?.arrayValue?.contains("regex") == true
            ? "low confidence: from the output alone" : nil
    }

    /// The call that waits for more: from where this answer ended, if the client has that tool.
    private var following: String {
        guard !profile.shows("ssh_session_read"), let id = word("command_id") else {
            return StatusLine.call(
                "ssh_session_read", ["session_id": .string(word("session_id") ?? ""), "wait_s": 30])
        }
        return StatusLine.call(
            "ssh_command_output", ["command_id": .string(id), "wait_s": 30, "wait_for": "end"])
    }

    private func next(_ state: CommandState) -> String? {
        switch state {
        case .done, .aborted: return nil
        case .running: return following
        case .lineInput: return "ssh_session_send {\"text\": …}"
        case .secret:
            // ssh-keygen: "Enter passphrase (empty for no passphrase)", then "… again".
            let prompt = word("prompt") ?? ""
            let mayBeEmpty = prompt.contains("empty") || prompt.contains("same passphrase again")
            return "ssh_session_send {\"secret\": …}"
                + (mayBeEmpty ? ", or {\"keys\": [\"enter\"]} for an empty one" : "")
        case .fullscreen: return "ssh_session_send {\"keys\": […], \"view\": \"screen\"}"
        case .incomplete: return "ssh_session_send {\"text\": …}, or {\"keys\": [\"ctrl-c\"]}"
        case .stopped: return "ssh_session_command {\"command\": \"fg\"}"
        case .shellExited, .linkLost:
            return StatusLine.call(
                "ssh_session_open", ["reopen": .string(word("session_id") ?? "")])
        case .maybeInput: return "ssh_session_send {\"text\": …}, or \(following)"
        }
    }
}

/// The text of a session that was opened.
struct OpenedText {
    private let members: JSON.Object

    init(_ members: JSON.Object) { self.members = members }

    var text: String {
        func word(_ name: String) -> String? { members[name]?.stringValue }
        var line = StatusLine()
        line.add("session \(word("session_id") ?? "")")
        line.add(word("name").map { "\"\($0)\"" })
        for name in ["target", "shell", "cwd"] { line.add(word(name)) }
        line.add(word("reopened_from").map { "in place of \($0)" })
        let names = members["restored"]?["variables"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if !names.isEmpty { line.add("restored: \(names.joined(separator: ", "))") }
        line.add(word("host_key"))
        let isReady = word("state") == CommandState.done.rawValue
        if !isReady { line.add(word("state")) }
        line.add(word("prompt").map { "prompt \"\($0)\"" })
        line.add(next: isReady ? "ssh_session_command" : "ssh_session_send")
        return (word("banner") ?? "").endingLine + line.text(note: word("note"))
    }
}
