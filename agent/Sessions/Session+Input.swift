// Keys and text to whatever has the terminal, and reading by offset. Invariant: input is typed as
// given; what it does is told only by what comes back.
import Loop
import Terminal
import Wire

extension Session {
    /// Types text and keys, then waits for the command's end (at the prompt: for the next prompt).
    func send(
        text: String, keys: [String], enter: Bool, wait patience: Duration, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        try checkAlive()
        let bytes = try typed(text, keys, enter)
        guard transport.unsent + bytes.count <= Self.unsentLimit else {
            throw Fault(.busy, "session \(id) does not read its input; interrupt it with ctrl-c")
        }
        lastUsed = IO.now
        let begin = log.end
        let deadline = IO.now + patience
        if bytes.contains(Keys.interrupt) { state.interrupted() }
        if bytes.contains(Keys.suspend) { state.suspended() }

        forgetFindings()
        if let command, isRunning {
            let suspends = bytes.contains(Keys.suspend)
            if suspends { await watchJobs(of: command) }
            transport.write(bytes)
            await waitForEnd(of: command, until: deadline)
            if bytes.contains(Keys.interrupt) { await recoverPrompt(of: command) }
            if suspends { await watchJobs(of: command) }
            return result(of: command, from: begin, maxBytes: maxBytes)
        }
        // To the prompt the line's echo is expected; to what a typed line has started it is output,
        // and a secret has none.
        let isAtPrompt = !isDirectOpen
        if isAtPrompt { direct = Direct(begin: begin) }
        if isAtPrompt, enter, text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) {
            echo.expect(Array(text.utf8) + [10])
        }
        transport.write(bytes)
        await waitAndLook(until: deadline) { !self.isDirectOpen }
        return directResult(from: begin, maxBytes: maxBytes)
    }

    /// Lines typed at the prompt have no number and no mark of their own: the prompt tells.
    private func directResult(from begin: Int, maxBytes: Int) -> CommandResult {
        let isOver = direct?.isOver ?? true
        var result = result(of: nil, in: begin..<(direct?.end ?? log.end), maxBytes: maxBytes)
        if end == nil {
            if isOver {
                result.state = .done
                result.evidence = [.mark]
                result.exitCode = state.promptStatus
            }
        } else if case .exited(let code)? = end {
            result.exitCode = Int(code)
        }
        return result
    }

    /// Output from an offset on (default: where the newest command's begins), waiting for more when
    /// there is none yet.
    func read(
        offset: Int?, wait patience: Duration, raw: Bool, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        let offset = offset ?? command?.begin ?? 0
        guard offset <= log.end else {
            throw Fault(
                .invalidArgument,
                "offset \(offset) is past the end of the output; the newest is \(log.end)")
        }
        lastUsed = IO.now
        let deadline = IO.now + patience
        let command = command
        if need != nil { await glance() }
        await waitAndLook(until: deadline, orOutput: true) {
            self.log.end > offset || !(self.isRunning || self.isDirectOpen) || self.end != nil
        }
        // The end often follows the last output at once: worth a moment.
        await wait(until: min(deadline, IO.now + .milliseconds(20))) { !self.isRunning }
        if need == nil { await glance() }
        var result = describe(command)
        let excerpt = Excerpt(
            log, from: offset, to: log.end, maxBytes: maxBytes, raw: raw, isOver: !isRunning)
        result.output = excerpt.text
        result.lostBytes = excerpt.lostBytes
        result.isTruncated = excerpt.lostBytes > 0 || excerpt.nextOffset < log.end
        result.omittedBytes = 0
        result.offset = offset + excerpt.lostBytes
        result.nextOffset = excerpt.nextOffset
        return result
    }
}
