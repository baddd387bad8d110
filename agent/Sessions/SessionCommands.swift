// The commands of all sessions as jobs: `command.output`, `command.cancel` and `command.list` find
// them by the `command_id` of their results.
// Invariant: whoever may use the session may use its commands, and nobody else.
import Loop
import Programs
import Terminal
import Wire

/// The commands of the agent's sessions.
@IO final class SessionCommands: CommandSource {
    private let sessions: Sessions

    /// How long to wait for a command's end after its last output: it often follows at once.
    private static let endTime = Duration.milliseconds(20)
    /// How long ended commands are listed, as one-shot commands are.
    private static let listed = Duration.seconds(3600)

    init(_ sessions: Sessions) { self.sessions = sessions }

    /// The session and the command of an id: that of the session, and a number.
    private func find(_ id: String) -> (session: Session, command: SessionCommand)? {
        guard let dot = id.lastIndex(of: "."), let session = sessions[String(id[..<dot])],
            let command = session.console.history.kept.first(where: { $0.id == id })
        else { return nil }
        return (session, command)
    }

    private func known(
        _ id: String
    ) throws(Fault) -> (session: Session, command: SessionCommand) {
        guard let found = find(id) else { throw .noCommand(id) }
        return found
    }

    func owner(of id: String) -> Owner? { find(id)?.session.owner }

    func output(_ request: ReadCommand) async throws(Fault) -> RunResult {
        let (session, command) = try known(request.commandID)
        let console = session.console
        session.touch()
        if console.watch.finding != nil { await console.asker.glance() }
        let before = console.watch.finding
        let deadline = IO.now + request.wait
        let start = command.begin + (request.stdoutOffset ?? 0)
        var isMatched: Bool?
        if let until = request.until {
            isMatched = await session.finds(
                try Reading.pattern(until), in: command, from: start, until: deadline)
        } else {
            await console.asker.wait(until: deadline, orOutput: true, stopsAtFinding: false) {
                command.outcome != nil || console.end != nil || console.watch.finding != before
                    || request.goal == .output && session.outputEnd(of: command) > start
            }
        }
        await console.waiters.wait(until: min(deadline, IO.now + Self.endTime)) {
            command.outcome != nil
        }
        if console.watch.finding == nil, command === session.command, command.outcome == nil {
            await console.asker.glance()
        }
        var result =
            request.isWhole && request.encoding == .text
            ? session.result(of: command, maxBytes: request.maxBytes)
            : session.result(
                of: command, from: request.stdoutOffset ?? 0, maxBytes: request.maxBytes,
                request.encoding)
        result.isMatched = isMatched
        return result
    }

    func cancel(_ request: CancelCommand, maxBytes: Int) async throws(Fault) -> RunResult {
        let (session, command) = try known(request.commandID)
        session.touch()
        let doubt = await Cancellation(session: session, command: command).run(request.signal)
        var result = session.result(of: command, maxBytes: maxBytes)
        result.note = doubt ?? result.note
        return result
    }

    func progress(of id: String) -> CallProgress {
        guard let (session, command) = find(id) else { return CallProgress(bytes: 0) }
        let end = session.outputEnd(of: command)
        return CallProgress(
            bytes: end - command.begin, line: session.log.lastLine(from: command.begin))
    }

    func list(
        for caller: Caller, target: String?
    ) -> [(started: ContinuousClock.Instant, info: CommandInfo)] {
        let found = sessions.all.filter { session in
            caller.mayUse(session.owner) && (target.map { session.isOn($0) } ?? true)
        }
        return found.flatMap { session in
            session.console.history.kept.filter { command in
                command.ended.map { IO.now - $0 < Self.listed } ?? true
            }.map { (started: $0.started, info: session.info(about: $0, for: caller)) }
        }
    }
}

extension Session {
    /// Where a command's output ends, so far.
    fileprivate func outputEnd(of command: SessionCommand) -> Int {
        guard command.outcome == nil else { return command.end ?? log.end }
        // Before the shell has taken the command's line, what comes is not its output.
        let hasBegun = console.shells.contains { shell in
            shell.command === command && (shell.state.isRunning || !shell.hasMarks)
        }
        return hasBegun ? log.end : command.begin
    }

    /// Waits until a line of a command's output matches; false if the command or the time ended
    /// before.
    fileprivate func finds(
        _ pattern: LinePattern, in command: SessionCommand, from offset: Int,
        until deadline: ContinuousClock.Instant
    ) async -> Bool {
        var search = OutputSearch(pattern, from: offset)
        while true {
            let isOver = command.outcome != nil || console.end != nil
            let end = outputEnd(of: command)
            switch search.step(log, upTo: end) {
            case .found: return true
            case .more:
                // Other work has its turn between two pieces.
                do { try await IO.sleep(for: .zero) } catch { return false }
                if IO.now >= deadline { return false }
            case .caughtUp:
                guard !isOver, IO.now < deadline, !Task.isCancelled, !TaskPatience.isOver
                else { return false }
                await console.asker.wait(until: deadline, orOutput: true, stopsAtFinding: false) {
                    self.outputEnd(of: command) > end || command.outcome != nil
                        || self.console.end != nil
                }
            }
        }
    }

    /// A command's state and its output from an offset on, which counts from its beginning.
    fileprivate func result(
        of command: SessionCommand, from offset: Int, maxBytes: Int,
        _ encoding: OutputEncoding = .text
    ) -> RunResult {
        let end = outputEnd(of: command) - (command.outcome == nil ? 0 : command.sentinelBytes)
        let begin = min(command.begin + offset, end)
        guard encoding == .text else {
            var result = result(of: command)
            result.encoding = encoding
            result.stdout = OutputPiece(exactly: log, from: begin, to: end, maxBytes: maxBytes)
            result.stdout.nextOffset -= command.begin
            result.isPage = true
            return result
        }
        let excerpt = Excerpt(
            log, from: begin, to: end, maxBytes: maxBytes, raw: false,
            isOver: command.outcome != nil)
        var result = result(of: command, excerpt, from: begin)
        result.isPage = true
        return result
    }

    /// A command's state, with head and tail of its output.
    fileprivate func result(of command: SessionCommand, maxBytes: Int) -> RunResult {
        let end = outputEnd(of: command) - (command.outcome == nil ? 0 : command.sentinelBytes)
        let excerpt = Excerpt(
            log, command.begin..<max(command.begin, end), maxBytes: maxBytes,
            isOver: command.outcome != nil)
        return result(of: command, excerpt, from: command.begin)
    }

    private func result(
        of command: SessionCommand, _ excerpt: Excerpt, from begin: Int
    ) -> RunResult {
        var result = result(of: command)
        result.stdout.isUTF8 = excerpt.isUTF8
        result.stdout.text = cleaned(excerpt.text, from: begin)
        result.stdout.omittedBytes = excerpt.omittedBytes + excerpt.lostBytes
        result.stdout.nextOffset = excerpt.nextOffset - command.begin
        return result
    }

    /// A command's state without its output.
    private func result(of command: SessionCommand) -> RunResult {
        var result = RunResult(target: target, commandID: command.id, state: state(of: command))
        result.sessionID = id
        result.exitCode = command.outcome?.exitCode.map(Int.init)
        result.signal = command.outcome?.signal
        result.durationMS = command.durationMS
        result.note = command.outcome?.note
        return result
    }

    fileprivate func info(about command: SessionCommand, for caller: Caller) -> CommandInfo {
        var info = CommandInfo(
            commandID: command.id, target: target,
            owner: caller.owns(owner) ? nil : owner.label, command: command.preview,
            state: state(of: command))
        info.sessionID = id
        info.exitCode = command.outcome?.exitCode.map(Int.init)
        info.signal = command.outcome?.signal
        info.durationMS = command.durationMS
        return info
    }

    /// What has happened when a command has ended.
    func ending(of command: SessionCommand) -> AgentEvent.Matter {
        .command(command.id, state(of: command), principal: owner.id)
    }

    private func state(of command: SessionCommand) -> RunState {
        guard let outcome = command.outcome else {
            // What runs in a shell inside says nothing about the command that started it.
            return command === self.command ? RunState(console.watch.finding?.state) : .running
        }
        if command.isCancelled { return .cancelled }
        return switch outcome.state {
        case .done: .done
        case .incomplete: .incomplete
        case .aborted: command.expiry == SessionCommand.expiryNote ? .timedOut : .aborted
        case .stopped: .stopped
        case .shellExited: .shellExited
        case .linkLost: .linkLost
        }
    }
}

extension RunState {
    /// The state of a command that has not ended, from what was found of it.
    fileprivate init(_ found: CommandState?) {
        self =
            switch found {
            case .lineInput: .lineInput
            case .secret: .secret
            case .fullscreen: .fullscreen
            case .maybeInput: .maybeInput
            case .stopped: .stopped
            case .incomplete: .incomplete
            case .running, .done, .aborted, .shellExited, .linkLost, nil: .running
            }
    }
}
