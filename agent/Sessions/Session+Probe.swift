// While a command runs and somebody waits: is it waiting for input? The kernel is asked after 150 ms,
// 1 s and then every 2 s; where it cannot be asked, a silent question at the end of the output counts
// as a guess. Invariant: what is found holds until the next output, input or mark.
import Loop
import Terminal
import Wire

extension Session {
    /// What a running command was found to wait for.
    struct Need: Equatable {
        var state: CommandState
        var foreground: String?
        var prompt: String?
        var evidence: Evidence
    }

    private static let steps: [Duration] = [.milliseconds(150), .milliseconds(850), .seconds(2)]
    /// Silence after which the text alone is looked at.
    private static let silence = Duration.seconds(2)

    /// Waits for a command's end, the deadline, or until it is found to need input.
    func waitForEnd(of command: SessionCommand, until deadline: ContinuousClock.Instant) async {
        var step = 0
        var last = IO.now
        while command.outcome == nil {
            let next = last + Self.steps[min(step, Self.steps.count - 1)]
            await wait(until: min(deadline, next)) { command.outcome != nil }
            if command.outcome != nil || Task.isCancelled { return }
            // A look shortly before the deadline is not repeated.
            if IO.now < next, IO.now - last < .milliseconds(400) { return }
            await look(at: command)
            if need != nil || IO.now >= deadline { return }
            last = IO.now
            step += 1
        }
    }

    /// Asks the kernel once.
    func look(at command: SessionCommand) async {
        guard command.outcome == nil, state.phase == .running else { return }
        let probe = await askKernel()
        guard command === self.command, command.outcome == nil, !Task.isCancelled else { return }
        shellWaits = probe.map { $0.shellIsForeground && $0.verdict != .running } ?? false
        guard let probe else { return guess(command) }
        let state: CommandState? =
            switch probe.verdict {
            case .running: nil
            case .lineInput: .lineInput
            case .secret: .secret
            case .fullscreen: .fullscreen
            }
        foreground = probe.foreground
        need = state.map {
            Need(
                state: $0, foreground: probe.foreground,
                prompt: $0 == .fullscreen ? nil : openLine(of: command), evidence: .probe)
        }
    }

    private func askKernel() async -> Probe? {
        guard let process = shellProcess, let terminal = terminalName,
            let script = Probe.script(process: process, terminal: terminal),
            let answer = await transport.ask(Array(script.utf8))
        else { return nil }
        return Probe(answer, terminal: terminal)
    }

    private func guess(_ command: SessionCommand) {
        guard IO.now - lastOutput >= Self.silence, let line = openLine(of: command),
            PromptGuess.isQuestion(line)
        else { return }
        need = Need(state: .maybeInput, prompt: line, evidence: .regex)
    }

    private func openLine(of command: SessionCommand) -> String? {
        let bytes = log.bytes(max(command.begin, log.end - 600)..<log.end)
        return PromptGuess.openLine(of: CleanText.clean(bytes[...]))
    }

    /// After Ctrl-C the shell waits at a prompt that a command replaced: arms it, so that its mark
    /// tells the end.
    func recoverPrompt(of command: SessionCommand) async {
        guard command.outcome == nil, state.phase == .running else { return }
        await look(at: command)
        guard command.outcome == nil, shellWaits else { return }
        transport.write(CommandEncoder.armingLine)
        await wait(until: IO.now + .seconds(1)) { command.outcome != nil }
    }
}
