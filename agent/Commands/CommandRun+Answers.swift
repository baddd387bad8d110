// What is said of a one-shot command: results, its line in lists, its progress.
// Invariant: an exit code is one that its host sent, and an end that is not certain is called so.
import Loop
import Programs
import Wire

/// Where a reader is in both outputs.
struct RunOffsets {
    var output = 0
    var errors = 0
}

extension CommandRun {
    /// The answer, with head and tail of both outputs.
    func result(maxBytes: Int, _ encoding: OutputEncoding = .text) -> RunResult {
        guard encoding == .text else {
            var result = result(from: RunOffsets(), maxBytes: maxBytes, encoding)
            result.stdout.omittedBytes += logs.output.end - result.stdout.nextOffset
            result.stderr.omittedBytes += logs.errors.end - result.stderr.nextOffset
            return result
        }
        var result = blank
        let isOver = end != nil
        result.stdout =
            Excerpt(
                logs.output, 0..<logs.output.end, maxBytes: maxBytes, isOver: isOver
            ).piece
        result.stderr =
            Excerpt(
                logs.errors, 0..<logs.errors.end, maxBytes: maxBytes, isOver: isOver
            ).piece
        return result
    }

    /// The answer, with the output after the offsets.
    func result(
        from offsets: RunOffsets, maxBytes: Int, _ encoding: OutputEncoding = .text
    ) -> RunResult {
        var result = blank
        (result.encoding, result.isPage) = (encoding, true)
        let isOver = end != nil
        func piece(_ log: OutputLog, _ offset: Int) -> OutputPiece {
            let offset = min(offset, log.end)
            switch encoding {
            case .text:
                return Excerpt(
                    log, from: offset, to: log.end, maxBytes: maxBytes, raw: false, isOver: isOver
                ).piece
            case .base64:
                return OutputPiece(exactly: log, from: offset, to: log.end, maxBytes: maxBytes)
            }
        }
        result.stdout = piece(logs.output, offsets.output)
        result.stderr = piece(logs.errors, offsets.errors)
        return result
    }

    /// Its line in a list for `caller`.
    func info(for caller: Caller) -> CommandInfo {
        var info = CommandInfo(
            commandID: id, target: target, owner: caller.owns(owner) ? nil : owner.label,
            command: order.preview, state: state)
        if obstacle == nil, case .exited(let code) = end { info.exitCode = Int(code) }
        if case .signalled(let name) = end { info.signal = name }
        info.durationMS = duration
        info.isDetached = detachment != nil
        return info
    }

    /// What is said of a command that has left a process with its output behind.
    private static let heldOutput =
        "It has left a process running that still had its output; what that process writes from now"
        + " on is dropped. To keep it, redirect it: COMMAND >FILE 2>&1 &"

    /// The progress, for a waiting caller.
    var progress: CallProgress { CallProgress(bytes: logs.count, line: logs.lastLine) }

    private var duration: Int { Int(((ended ?? IO.now) - started) / .milliseconds(1)) }

    private var blank: RunResult {
        var result = RunResult(target: target, commandID: id, state: state)
        switch end {
        case .exited where obstacle != nil: result.note = obstacle?.message
        case .exited(let code):
            result.exitCode = Int(code)
            result.note = advice(code) ?? (isOutputHeld ? Self.heldOutput : nil)
        case .signalled(let name): result.signal = name
        case .unreported where detachment != nil:
            result.note = ending == nil ? Detachment.withoutCode : nil
        case .unreported: result.note = advice(nil) ?? ProgramEnd.unreportedNote
        case .lost(let why): result.note = why
        case nil: result.note = detachment?.note
        }
        result.isDetached = detachment != nil
        result.note = ending?.why ?? doubt ?? result.note
        result.durationMS = duration
        result.endsInSeconds = deadline.map { max(0, Int(($0 - IO.now) / .seconds(1))) }
        return result
    }

    /// Why the end of a command that was to end is not certain; nil: it is, or it was not asked
    /// for.
    private var doubt: String? {
        guard let ending else { return nil }
        let start = "its end is not confirmed: "
        switch ending.sweep {
        case .left(let processes):
            let shown = processes.prefix(10).joined(separator: ", ")
            return start + "\(processes.count) of its processes still run there, also after KILL"
                + " (\(shown))"
        case .unknown(let why):
            return start + "what it started could not be looked for: \(why)"
        case .gone, nil:
            if case .lost(let why) = end { return start + why }
            return end == nil ? start + "its processes have not ended yet" : nil
        }
    }

    /// What to do where the host's program is not a shell.
    private func advice(_ code: Int32?) -> String? {
        guard code != 0 else { return nil }
        let texts = logs.beginnings
        return CommandText.advice(mark: order.mark, [texts.output, texts.errors])
    }
}
