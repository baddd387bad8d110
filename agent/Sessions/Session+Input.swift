// Keys and text to whatever has the terminal, and reading by offset. Invariant: input is typed as
// given; what it does is told only by what comes back.
import Loop
import Programs
import Terminal
import Wire

extension Session {
    /// Types text and keys, then waits for the command's end (at the prompt: for the next prompt).
    func send(
        text: String, keys: [String], enter: Bool, wait patience: Duration, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        try checkAlive()
        try checkFree()
        return try await deliver(
            try typed(text, keys, enter), line: enter ? text : nil, wait: patience,
            maxBytes: maxBytes)
    }

    /// Types bytes; `line`: they are this text and Enter.
    func deliver(
        _ bytes: [UInt8], line: String? = nil, wait patience: Duration, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        guard bytes.count <= Self.unsentLimit else {
            throw Fault(
                .invalidArgument,
                "the input has \(bytes.count) bytes, more than \(Self.unsentLimit); send it in parts"
            )
        }
        guard transport.unsent + bytes.count <= Self.unsentLimit else {
            throw Fault(.busy, "session \(id) does not read its input; interrupt it with ctrl-c")
        }
        lastUsed = IO.now
        await waitForPrompt(after: command)
        await waitForQuiet()
        let begin = log.end
        let deadline = IO.now + patience
        if bytes.contains(Keys.interrupt) { state.interrupted() }
        if bytes.contains(Keys.suspend) { state.suspended() }

        forgetFindings(isTyped: true)
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
        if isAtPrompt {
            direct = Direct(begin: begin)
            if isShell { noteExports(of: line ?? "") }
        }
        if isAtPrompt, isShell, let line, line.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) {
            echo.expect(Array(line.utf8) + [10], endsAtLine: true)
        }
        direct?.type(bytes)
        transport.write(bytes)
        let level = depth
        await waitAndLook(until: deadline) { !self.isDirectOpen }
        if bytes.contains(Keys.interrupt) { await recoverDirect() }
        // The shell that was typed to may be over, and with it the command that it was.
        if depth < level, let command {
            return result(of: command, in: begin..<(command.end ?? log.end), maxBytes: maxBytes)
        }
        return directResult(from: begin, maxBytes: maxBytes)
    }

    /// Lines typed at the prompt have no number and no mark of their own: the prompt tells.
    private func directResult(from begin: Int, maxBytes: Int) -> CommandResult {
        let isOver = direct?.isOver ?? true
        var result = result(of: nil, in: begin..<(direct?.end ?? log.end), maxBytes: maxBytes)
        result.output = withoutPages(result.output, from: begin)
        if end == nil {
            if isOver {
                result.state = .done
                result.evidence = [isShell ? .mark : .prompt]
                result.exitCode = isShell ? state.promptStatus : nil
            }
        } else if case .exited(let code)? = end {
            result.exitCode = Int(code)
        }
        return result
    }
}
