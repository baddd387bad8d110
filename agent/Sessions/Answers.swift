// The results of a session's calls, built here and nowhere else. Invariant: a command's state is
// what a mark, a prompt or the end of the channel proved; without one of these it is what Watch
// found, or `running`.
import Loop
import Programs
import Terminal
import Wire

/// Builds the results of a session's calls.
@IO struct Answers {
    let console: Console
    let dialogue: any Dialogue

    static let guessNote = "low confidence: guessed from the output alone"

    /// The note about a shell that was set up after its login had asked something.
    static func loginNote(_ found: ShellProfile, chosen: ShellProfile?) -> String {
        let other = chosen.flatMap {
            $0 == found ? nil : ", which is \(found.rawValue), not \($0.rawValue)"
        }
        return
            "the login is over, and its shell is set up: ssh_session_command runs in it\(other ?? "")"
    }

    static func adoptionNote(_ name: String) -> String {
        "\(name) has the terminal and a shell of its own, without marks: what runs in it has no exact "
            + "end or status until ssh_session_send {\"adopt\": true} makes it this session's shell"
    }

    private static let fishNote =
        "fish reads its own language, and waits for an `end` where sh has do … done, then … fi: give "
        + "the line up with ctrl-c, and write it for fish, or run sh -c '…'"

    /// The note about a pager; `isUnderSudo`: it was started by a command of sudo's.
    static func pagerNote(_ name: String, isUnderSudo: Bool) -> String {
        "\(name) shows one page at a time: ssh_session_send {\"text\": \"q\", \"enter\": false} leaves "
            + "it, {\"keys\": [\"space\"]} shows the next"
            + (isUnderSudo
                ? "; sudo drops the session's PAGER=cat: use `sudo env PAGER=cat COMMAND`, or "
                    + "`COMMAND | cat`" : "")
    }

    /// A command as it stands, with its output from `offset` on.
    func result(of command: SessionCommand?, from offset: Int, maxBytes: Int) -> CommandResult {
        let end = command?.outcome == nil ? nil : command?.end
        let upper = max(offset, end ?? console.log.end)
        return result(of: command, in: offset..<upper, maxBytes: maxBytes)
    }

    /// A command as it stands, with a range of the session's output.
    func result(of command: SessionCommand?, in range: Range<Int>, maxBytes: Int) -> CommandResult {
        var result = describe(command)
        let isOver = command.map { $0.outcome != nil } ?? (result.state != .running)
        // The text of the typed line itself, at the end of an open here-document, is not output.
        let hidden = range.upperBound == command?.end ? command?.sentinelBytes ?? 0 : 0
        let upper = max(range.lowerBound, range.upperBound - hidden)
        let excerpt = Excerpt(
            console.log, range.lowerBound..<upper, maxBytes: maxBytes, isOver: isOver)
        result.output = dialogue.cleaned(excerpt.text, from: range.lowerBound)
        result.omittedBytes = excerpt.omittedBytes
        result.lostBytes = excerpt.lostBytes
        result.isTruncated = excerpt.omittedBytes > 0 || excerpt.lostBytes > 0
        result.offset = range.lowerBound
        result.nextOffset = excerpt.nextOffset == upper ? range.upperBound : excerpt.nextOffset
        return result
    }

    /// What a client typed at the prompt; only the next prompt shows that it has ended.
    func typed(from begin: Int, maxBytes: Int) -> CommandResult {
        let rest = console.shell.state.typed == nil ? console.shell.rest : nil
        let upper = max(begin, rest ?? console.log.end)
        var result = result(of: nil, in: begin..<upper, maxBytes: maxBytes)
        switch console.end {
        case nil:
            guard console.shell.state.typed == nil, !console.shell.state.isSettingUp else { break }
            result.state = .done
            result.evidence = [dialogue.evidence]
            result.exitCode = dialogue.promptStatus
        case .exited(let code): result.exitCode = Int(code)
        case .signalled, .unreported, .lost: break
        }
        return result
    }

    /// A command's state without its output.
    func describe(_ command: SessionCommand?) -> CommandResult {
        // The last command of a shell inside the session's shell may have ended that shell.
        if let command, let left = command.left { return describeLeft(command, left) }
        var command = command
        // While a shell is being identified, the command that started it keeps running.
        if command == nil, case .adopting(let depth) = console.occupation {
            command = console.shells[min(depth, console.shells.count) - 1].command
        }
        var result = CommandResult(sessionID: console.id, state: .done)
        result.commandID = command?.id
        result.durationMS = command?.durationMS ?? 0
        result.cwd = console.directory(of: console.shell)
        result.cwdBefore = command?.directory
        if console.depth > 0 { (result.depth, result.shell) = (console.depth, console.shell.name) }
        var notes: [String] = []
        if let typed = console.shell.state.typed {
            result.commandID = nil
            result.durationMS = 0
            describeOpen(command, &result, &notes)
            if console.shell.hasMarks, let note = Self.note(typed, result.state) {
                notes.append(note)
            }
            result.note = console.shell.isLogin ? console.loginNote : notes.first
            return result
        }
        guard let command else {
            let isSettingUp = if case .settingUp = console.occupation { true } else { false }
            result.state = console.end.map { CommandState($0) } ?? (isSettingUp ? .running : .done)
            result.evidence = isSettingUp ? [] : [console.end != nil ? .eof : dialogue.evidence]
            return result
        }
        if let outcome = command.outcome {
            result.state = CommandState(outcome.state)
            result.exitCode = outcome.exitCode.map(Int.init)
            result.signal = outcome.signal
            result.evidence = [Evidence(outcome.evidence)]
            if let note = outcome.note { notes.append(note) }
        } else {
            describeOpen(command, &result, &notes)
        }
        if let expiry = command.expiry { notes.append(expiry) }
        if let note = Self.note(jobs: command.jobs) { notes.append(note) }
        if let note = note(late: command.late) { notes.append(note) }
        result.note = notes.isEmpty ? nil : notes.joined(separator: "; ")
        return result
    }

    /// A command that still runs: in the state that was found, or as far as it is known.
    private func describeOpen(
        _ command: SessionCommand?, _ result: inout CommandResult, _ notes: inout [String]
    ) {
        let watch = console.watch
        result.state = watch.finding?.state ?? .running
        result.prompt = watch.finding?.prompt
        result.foreground = watch.foreground.map { String($0.prefix(64)).plain(keepsLines: false) }
        result.evidence = watch.finding.map { [$0.evidence] } ?? []
        if let name = watch.unmarked {
            result.hasLostMarks = true
            notes.append(Self.adoptionNote(name))
        }
        if watch.finding?.evidence == .regex { notes.append(Self.guessNote) }
        if result.state == .incomplete, console.shell.profile == .fish {
            notes.append(Self.fishNote)
        }
        if result.state == .fullscreen, let name = watch.foreground, Probe.isPager(name) {
            let isUnderSudo = command?.preview.contains("sudo") ?? false
            notes.append(Self.pagerNote(name, isUnderSudo: isUnderSudo))
        }
    }

    /// The note about output that came before a command; nil: nothing to read came.
    private func note(late: Range<Int>) -> String? {
        let head = late.lowerBound..<min(late.upperBound, late.lowerBound + Self.lateLimit)
        let parts = console.log.alternate.visible(in: head).flatMap(console.log.bytes)
        guard !late.isEmpty, !CleanText.clean(parts[...]).allSatisfy(\.isWhitespace) else {
            return nil
        }
        return
            "\(late.count) bytes came after the last answer and before this command (such as"
            + " background output); read them from offset \(late.lowerBound)"
    }

    /// Bytes of output before a command that are searched for something to read; there is nearly
    /// always less.
    private static let lateLimit = 4096

    /// The note about a shell's jobs, whose output nothing tells from a command's.
    private static func note(jobs: (before: Int, after: Int?)) -> String? {
        let after = jobs.after ?? 0
        guard jobs.before > 0 else {
            return after > 0 ? "background jobs of this shell: \(after)" : nil
        }
        return "background jobs of this shell: \(jobs.before) before this command"
            + (jobs.after.map { ", \($0) after it" } ?? "")
            + "; their output may be in its output"
    }

    /// The note about input at the prompt.
    private static func note(_ typed: TypedInput, _ state: CommandState) -> String? {
        switch state {
        case .incomplete:
            "the shell wants more of what was typed: ssh_session_send {\"text\": …} sends the rest, "
                + "{\"keys\": [\"ctrl-c\"]} gives it up"
        case .lineInput where !typed.isEntered:
            "what was typed is at the shell's prompt and was not entered: send enter to run it; "
                + "ssh_session_command clears it"
        case .lineInput, .done, .running, .secret, .fullscreen, .aborted, .stopped, .shellExited,
            .linkLost, .maybeInput:
            nil
        }
    }

    /// A command whose shell has ended: what counts now is the outer command that started this
    /// shell.
    private func describeLeft(
        _ command: SessionCommand, _ left: SessionCommand.Left
    ) -> CommandResult {
        var result = describe(left.around)
        if left.around == nil, console.end == nil {
            result.exitCode = console.shell.state.promptStatus
        }
        let note =
            "the adopted shell that ran \(command.id) is over; this is \(console.shell.name) again"
        result.note = result.note.map { "\(note); \($0)" } ?? note
        return result
    }
}

extension CommandState {
    /// The contract's word for how a command ended.
    init(_ state: CommandOutcome.State) {
        self =
            switch state {
            case .done: .done
            case .incomplete: .incomplete
            case .aborted: .aborted
            case .stopped: .stopped
            case .shellExited: .shellExited
            case .linkLost: .linkLost
            }
    }

    /// The contract's word for how a session ended.
    init(_ end: ProgramEnd) {
        self =
            switch end {
            case .exited, .signalled, .unreported: .shellExited
            case .lost: .linkLost
            }
    }
}

extension Evidence {
    /// The contract's word for what an end rests on.
    init(_ evidence: CommandOutcome.Evidence) {
        self =
            switch evidence {
            case .mark: .mark
            case .prompt: .prompt
            case .eof: .eof
            }
    }
}
