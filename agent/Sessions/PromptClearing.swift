// Clears what a client typed at the prompt (text without Enter, keys, incomplete lines) before a
// command is typed; the shell's next mark shows that it is at its prompt again.
// Invariant: what may run is never interrupted for a command: the kernel shows the shell itself
// reading, or no line was entered, or the client has sent Ctrl-C.
import Loop
import Programs
import Terminal
import Wire

/// Brings a shell back to an empty prompt.
@IO struct PromptClearing {
    let console: Console

    /// Time within which a shell that shows a new prompt after Ctrl-C does so, over most
    /// connections.
    private static let interruptTime = Duration.milliseconds(300)
    /// Time for a shell that shows no prompt to take the Ctrl-C, before an empty line is typed.
    private static let interruptRest = Duration.milliseconds(30)
    /// Time without output after which an editor that draws reads its keys, and the longest wait
    /// for that: fish drops a Ctrl-C that comes while it draws, or together with other keys.
    private static let stillness = (Duration.milliseconds(100), Duration.seconds(1))
    /// How long to wait for the prompt after an empty line: a round trip over a slow connection.
    private static let promptTime = Duration.seconds(2)
    /// How often clearing is tried: a line editor's search takes one Ctrl-C for itself.
    private static let tries = 3
    /// How long to wait for a shell that is at work (completing a word, say).
    private static let workTime = Duration.seconds(1)
    /// Time between two probes of a shell that is at work.
    private static let workStep = Duration.milliseconds(50)

    private var typed: TypedInput? { console.shell.state.typed }

    /// Clears what a client has typed; throws if something may be running.
    func clear() async throws(Fault) {
        console.occupation = .clearing
        defer { console.occupation = nil }
        let probe = await settledProbe()
        try console.checkAlive()
        // A prompt that an editor has drawn meanwhile may still hold the line.
        if console.shell.profile.editor == .draws {
            console.shell.state.reopenTyping(at: console.log.end)
        }
        guard let typed else { return }
        let id = console.id
        if let probe, !probe.shellIsAlone || probe.verdict == .running {
            let name = probe.foreground ?? "what was typed at its prompt"
            throw Fault(
                .busy,
                "session \(id) is running \(name), which was started at its prompt; wait with "
                    + "ssh_session_read or interrupt it with ssh_session_send {\"keys\": [\"ctrl-c\"]}"
            )
        }
        if let name = console.watch.unmarked {
            throw Fault(
                .busy,
                "session \(id): \(Answers.adoptionNote(name)); or leave it with ssh_session_send "
                    + "{\"text\": \"exit\"}")
        }
        guard !typed.isEntered || typed.isInterrupted else {
            throw Fault(
                .busy,
                "what was typed at the prompt of session \(id) is not over: the shell wants more, or "
                    + "an answer: send that with ssh_session_send {\"text\": …}, or give it up with "
                    + "{\"keys\": [\"ctrl-c\"]}")
        }
        if await showsPrompt() { return }
        try console.checkAlive()
        throw Fault(
            .busy,
            "session \(id) shows no prompt after ctrl-c: something may still read what is typed; "
                + "ssh_session_read shows it; send ssh_session_send {\"keys\": [\"ctrl-c\"]} again, or "
                + "close the session")
    }

    /// After a client's Ctrl-C: some shells show no prompt until a line is entered.
    func recover() async {
        guard typed != nil, console.occupation == nil, console.end == nil else { return }
        console.occupation = .clearing
        defer { console.occupation = nil }
        if console.shell.profile.promptsAfterInterrupt {
            await console.waiters.wait(until: IO.now + Self.interruptTime) { typed == nil }
        }
        if typed?.isEntered == true {
            // Only the kernel can show that what was started has ended.
            guard let probe = await settledProbe(), probe.shellIsAlone,
                probe.verdict != .running, console.watch.unmarked == nil
            else { return }
        }
        _ = await showsPrompt()
    }

    /// The kernel's answer, once the shell is not at work; nil if there is none.
    private func settledProbe() async -> Probe? {
        let limit = IO.now + Self.workTime
        while let scene = console.scene, typed != nil {
            guard let probe = await console.asker.hear() else { return nil }
            console.watch.saw(probe, scene)
            guard probe.shellIsAlone, probe.verdict == .running, IO.now < limit else {
                return probe
            }
            await console.waiters.wait(until: IO.now + Self.workStep) { typed == nil }
        }
        return nil
    }

    /// Clears the line and makes the shell show its prompt; false if it did not in time.
    private func showsPrompt() async -> Bool {
        // zsh takes the first line after Ctrl-C for a part of the input that was cancelled.
        let entered = typed?.isEntered == true
        let draws = console.shell.profile.editor == .draws
        for attempt in 0..<Self.tries where typed != nil && console.end == nil {
            if draws {
                if attempt > 0 { await endPaste() }
                await waitForStillness()
            }
            console.watch.typed(at: IO.now)
            console.transport.write(draws ? [Keys.interrupt] : Keys.clearing)
            console.shell.state.clearedTyping()
            let shows = draws || console.shell.profile.promptsAfterInterrupt
            let time = shows ? Self.interruptTime : Self.interruptRest
            await console.waiters.wait(until: IO.now + time) { typed == nil }
            guard typed != nil else { break }
            // No prompt came: it may be shown nowhere.
            let arms = entered || attempt > 0 && !draws
            console.type(CommandEncoder.emptyLine + (arms ? armingLine : []))
            await console.waiters.wait(until: IO.now + Self.promptTime) { typed == nil }
        }
        return typed == nil && console.end == nil
    }

    /// Arms the prompts; where no prompt shows any more (`exec 2>/dev/null`), mark E tells as much.
    private var armingLine: [UInt8] {
        let shell = console.shell
        guard shell.profile.hidesPrompts else { return CommandEncoder.armingLine }
        return CommandEncoder(profile: shell.profile).armingLine(ending: shell.state.number)
    }

    /// In a paste without an end, fish takes every key for text.
    private func endPaste() async {
        console.transport.write(Keys.pasteEnd)
        await console.waiters.wait(until: IO.now + Self.stillness.0) { console.end != nil }
    }

    /// Lets an editor draw what was typed; a prompt that it draws meanwhile may still hold it.
    private func waitForStillness() async {
        let limit = IO.now + Self.stillness.1
        while IO.now < limit, console.end == nil {
            let still = console.lastOutput + Self.stillness.0
            if still <= IO.now { break }
            await console.waiters.wait(until: min(limit, still)) { console.end != nil }
        }
        console.shell.state.reopenTyping(at: console.log.end)
    }
}
