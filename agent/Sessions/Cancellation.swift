// Ends a session's command: Ctrl-C, then TERM, then KILL to what has the terminal's foreground,
// each with its time. The shell itself is never killed.
// Invariant: what ended is what a mark shows; where none comes, the answer says so.
import Loop
import Programs
import Terminal
import Wire

/// The way to a command's end.
@IO struct Cancellation {
    let session: Session
    let command: SessionCommand

    /// Time for a command to end after each signal, as one-shot commands have.
    private static let signalTime = Duration.seconds(2)
    /// Time for the host to take a signal.
    private static let answerTime = Duration.seconds(2)

    private var console: Console { session.console }

    /// Ends it; returns why its end is not confirmed.
    ///
    /// `signal`: TERM and INT begin with Ctrl-C; others are sent themselves, and then KILL.
    func run(_ signal: String) async -> String? {
        guard command.outcome == nil, console.end == nil else { return nil }
        command.isCancelled = true
        let rungs: [Probe.Signal] =
            switch signal {
            case "KILL": [.kill]
            case "HUP": [.hangUp, .kill]
            case "QUIT": [.quit, .kill]
            default: [.interrupt, .terminate, .kill]
            }
        var obstacle: String?
        for rung in rungs {
            let until = IO.now + Self.signalTime
            if rung == .interrupt {
                await interrupt()
            } else {
                obstacle = await send(rung)
            }
            await console.waiters.wait(until: until) {
                command.outcome != nil || console.end != nil
            }
            if command.outcome != nil || console.end != nil { return nil }
        }
        command.isCancelled = false
        let sent = rungs.map { $0 == .interrupt ? "ctrl-c" : $0.rawValue }.joined(separator: ", ")
        return "its end is not confirmed after \(sent): "
            + (obstacle ?? "no mark of its end has come; ssh_session_read shows what it does")
    }

    /// Types Ctrl-C, as a client would; in a shell inside the command, only at what runs there.
    private func interrupt() async {
        guard command === session.command else { return console.interruptInside(command) }
        _ = try? await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: Self.signalTime, maxBytes: 0)
    }

    /// Signals the foreground of the terminal that its shell has; returns what stands against it.
    private func send(_ signal: Probe.Signal) async -> String? {
        guard let shell = console.shells.first(where: { $0.command === command }),
            let question = shell.question
        else { return "the agent cannot signal processes there" }
        guard let probe = await answer(to: question).flatMap({ Probe($0) }) else {
            return "the host did not show in time what runs"
        }
        guard let program = probe.processes.first(where: { $0.id != shell.process })?.id else {
            return "the shell itself runs it, and is not killed for it; ssh_session_close ends both"
        }
        let sent = await answer(to: question.signalling(signal, while: program))
        let said = String(decoding: sent ?? [], as: UTF8.self)
        if said.contains("sent") { return nil }
        if said.contains("gone") { return "what ran has ended, and its shell has not said so yet" }
        if said.contains("refused") {
            return "the agent's user may not signal it (another user's process, as of sudo)"
        }
        return "the host did not report in time that it took the signal"
    }

    private func answer(to question: Probe.Question) async -> [UInt8]? {
        let answer = await IO.within(Self.answerTime) { [console] in
            await console.transport.ask(question)
        }
        return answer.flatMap { $0 }
    }
}
