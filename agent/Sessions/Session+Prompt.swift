// What a client types at the prompt outside of any command: text without Enter, keys, lines that the
// shell wants more of. Before a command is typed, such input is cleared, and the shell's next mark
// shows that it is at its prompt again; some shells show none after Ctrl-C until a line is entered.
// Invariant: what may run is never interrupted for a command: the kernel shows the shell itself
// reading, or no line was entered, or the client has sent Ctrl-C.
import Loop
import Terminal
import Wire

extension Session.Direct {
    /// Follows what a client types.
    mutating func type(_ bytes: [UInt8]) {
        if bytes.contains(10) || bytes.contains(13) { (isEntered, isInterrupted) = (true, false) }
        if bytes.contains(Keys.interrupt) { isInterrupted = true }
        wantsMore = false
        if let last = bytes.lastIndex(where: { [10, 13, Keys.interrupt].contains($0) }) {
            hasTail = last < bytes.count - 1
        } else {
            hasTail = hasTail || !bytes.isEmpty
        }
    }

    /// The shell shows its prompt, where the output ends at `end`.
    mutating func prompted(at end: Int) {
        mayStay = isEntered && !isInterrupted
        (isEntered, isInterrupted, wantsMore) = (false, false, false)
        // What follows the last Enter is at the new prompt.
        guard !hasTail else { return }
        isOver = true
        self.end = end
    }

    /// What an answer says of input that is at the prompt.
    func note(_ need: Session.Need?) -> String? {
        switch need?.state {
        case .incomplete:
            "the shell wants more of what was typed: send the rest, or ctrl-c to give it up"
        case .lineInput where !isEntered:
            "what was typed is at the shell's prompt and was not entered: send enter to run it; "
                + "ssh_session_command clears it"
        default: nil
        }
    }
}

extension Session {
    /// A shell that shows a new prompt after Ctrl-C has shown it after so long, on most lines.
    private static let interruptPatience = Duration.milliseconds(300)
    /// A shell that shows none is given so long to take the Ctrl-C before the empty line.
    private static let interruptRest = Duration.milliseconds(30)
    /// How long the prompt is waited for after an empty line, each time of `clearings`.
    private static let clearingTime = Duration.seconds(2)
    /// A line editor's search takes one Ctrl-C for itself.
    private static let clearings = 3
    /// How long a shell that works (it completes a word, say) is waited for.
    private static let workTime = Duration.seconds(1)

    /// Before a command: takes away what a client has typed at the prompt.
    func clearPrompt() async throws(Fault) {
        isClearing = true
        defer { isClearing = false }
        let probe = await settledProbe()
        try checkAlive()
        guard isDirectOpen, let direct else { return }
        if let probe, !probe.shellIsAlone || probe.verdict == .running {
            let name = probe.foreground ?? "what was typed at its prompt"
            throw Fault(
                .busy,
                "session \(id) is running \(name), which was started at its prompt; wait with "
                    + "ssh_session_read or interrupt it with ssh_session_send ctrl-c")
        }
        if let name = probing.unmarked {
            throw Fault(.busy, "session \(id): \(Self.adoptionNote(name)); or end it with ctrl-c")
        }
        guard !direct.isEntered || direct.isInterrupted else {
            throw Fault(
                .busy,
                "session \(id) has input at its prompt that is not over: send the rest of it, or "
                    + "ctrl-c first")
        }
        if await clears() { return }
        try checkAlive()
        throw Fault(
            .busy,
            "session \(id) shows no prompt after ctrl-c: something may still read what is typed; "
                + "ssh_session_read shows it; send ctrl-c again, or close the session")
    }

    /// After a client's Ctrl-C: some shells show no prompt until a line is entered.
    func recoverDirect() async {
        guard isShell, isDirectOpen, !isClearing else { return }
        isClearing = true
        defer { isClearing = false }
        if profile.promptsAfterInterrupt {
            await wait(until: IO.now + Self.interruptPatience) { !self.isDirectOpen }
        }
        if isDirectOpen, direct?.isEntered == true {
            // Only the kernel can tell that what was started is over.
            guard let probe = await settledProbe(), probe.shellIsAlone,
                probe.verdict != .running, probing.unmarked == nil
            else { return }
        }
        _ = await clears()
    }

    /// The kernel's answer, which may wait for a shell that works.
    private func settledProbe() async -> Probe? {
        let limit = IO.now + Self.workTime
        while isDirectOpen {
            guard let probe = await hearKernel(within: Self.probeTime) else { return nil }
            probing.unmarked = shellWithoutMarks(probe)
            guard probe.shellIsAlone, probe.verdict == .running, IO.now < limit else {
                return probe
            }
            await wait(until: IO.now + .milliseconds(50)) { !self.isDirectOpen }
        }
        return nil
    }

    /// Clears the line and makes the shell show its prompt; false: it did not in time.
    private func clears() async -> Bool {
        // zsh takes the first line after Ctrl-C for a part of what was given up.
        let line =
            CommandEncoder.emptyLine
            + (direct?.isEntered == true ? CommandEncoder.armingLine : [])
        for _ in 0..<Self.clearings where isDirectOpen {
            forgetFindings()
            transport.write(Keys.clearing)
            direct?.hasTail = false
            let patience =
                profile.promptsAfterInterrupt ? Self.interruptPatience : Self.interruptRest
            await wait(until: IO.now + patience) { !self.isDirectOpen }
            guard isDirectOpen else { break }
            echo.expect(line)
            transport.write(line)
            await wait(until: IO.now + Self.clearingTime) { !self.isDirectOpen }
        }
        return !isDirectOpen && end == nil
    }
}
