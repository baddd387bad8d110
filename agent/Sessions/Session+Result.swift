// What is told of a command: built once, here. Invariant: the state is what a mark or the end of the
// channel proved; without either it is `running`.
import Loop
import Programs
import Terminal
import Wire

extension Session {
    /// A command as it stands, with its output from `offset` on.
    func result(of command: SessionCommand?, from offset: Int, maxBytes: Int) -> CommandResult {
        let isOver = command.map { $0.outcome != nil } ?? true
        let upper = max(offset, isOver ? (command?.end ?? log.end) : log.end)
        return result(of: command, in: offset..<upper, maxBytes: maxBytes)
    }

    /// A command as it stands, with a range of the session's output.
    func result(of command: SessionCommand?, in range: Range<Int>, maxBytes: Int) -> CommandResult {
        var result = describe(command)
        let isOver = command.map { $0.outcome != nil } ?? (result.state != .running)
        // The typed line's own text at the end of an open here-document is not output.
        let hidden = range.upperBound == command?.end ? command?.sentinelBytes ?? 0 : 0
        let upper = max(range.lowerBound, range.upperBound - hidden)
        let excerpt = Excerpt(
            log, range.lowerBound..<upper, maxBytes: maxBytes, isOver: isOver)
        result.output = excerpt.text
        result.omittedBytes = excerpt.omittedBytes
        result.lostBytes = excerpt.lostBytes
        result.isTruncated = excerpt.omittedBytes > 0 || excerpt.lostBytes > 0
        result.offset = range.lowerBound
        result.nextOffset = excerpt.nextOffset == upper ? range.upperBound : excerpt.nextOffset
        return result
    }

    /// A command's state without its output.
    func describe(_ command: SessionCommand?) -> CommandResult {
        // What a shell inside the session's ran last may have been its end.
        if let command, command.hasLeft { return describeLeft(command) }
        // While a shell is asked, the command that it is runs on.
        let command = isAdopting && command == nil ? outer.last?.command : command
        var result = CommandResult(sessionID: id, state: .done)
        result.commandID = command?.id
        result.durationMS = command?.durationMS ?? 0
        result.cwd = cwd
        if depth > 0 { (result.depth, result.shell) = (depth, shellName) }
        var notes: [String] = []
        if isDirectOpen {
            result.commandID = nil
            result.durationMS = 0
            describeOpen(&result, &notes)
            if isShell, let note = direct?.note(need) { notes.append(note) }
            result.note = notes.first
            return result
        }
        guard let command else {
            result.state = end.map { endState($0) } ?? .done
            result.evidence = [end != nil ? .eof : isShell ? .mark : .prompt]
            return result
        }
        if let outcome = command.outcome {
            result.state = CommandState(rawValue: outcome.state.rawValue) ?? .done
            result.exitCode = outcome.exitCode.map(Int.init)
            result.signal = outcome.signal
            result.evidence = [Evidence(rawValue: outcome.evidence.rawValue) ?? .mark]
            if let note = outcome.note { notes.append(note) }
        } else {
            describeOpen(&result, &notes)
        }
        if let expiry = command.expiry { notes.append(expiry) }
        if command.lateBytes > 0 {
            let offset = command.begin - command.lateBytes
            notes.append(
                "\(command.lateBytes) bytes came before this command began (background output); "
                    + "read them from offset \(offset)")
        }
        result.note = notes.isEmpty ? nil : notes.joined(separator: "; ")
        return result
    }

    /// What runs on: as found, or as far as known.
    private func describeOpen(_ result: inout CommandResult, _ notes: inout [String]) {
        result.state = need?.state ?? .running
        result.prompt = need?.prompt
        result.foreground = foreground
        result.evidence = need.map { [$0.evidence] } ?? []
        if let name = probing.unmarked {
            result.hasLostMarks = true
            notes.append(Self.adoptionNote(name))
        }
        let asks = need?.state == .secret && need?.evidence == .probe
        asker = asks ? Asker(prompt: need?.prompt, foreground: foreground) : nil
        if need?.evidence == .regex { notes.append(Self.guessNote) }
    }

    /// A command whose shell is over: what counts now is the command that this shell was.
    private func describeLeft(_ command: SessionCommand) -> CommandResult {
        var result = describe(command.around)
        if command.around == nil, end == nil { result.exitCode = state.promptStatus }
        let note = "the adopted shell that ran \(command.id) is over; this is \(shellName) again"
        result.note = result.note.map { "\(note); \($0)" } ?? note
        return result
    }

    static func adoptionNote(_ name: String) -> String {
        "\(name) has the terminal and a shell of its own, without marks: what runs in it has no exact "
            + "end or status until ssh_session_send {\"adopt\": true} makes it this session's shell"
    }

    private func endState(_ end: ProgramEnd) -> CommandState {
        if case .lost = end { return .linkLost }
        return .shellExited
    }
}
