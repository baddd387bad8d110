// A shell inside the session's shell: su, ssh, docker exec, bash, or one that exec put in its
// place. It is identified and set up as a session's own shell is, with its own nonce; then commands
// run in it, and the outer shell waits on the stack until its mark shows that it is back.
// Invariant: an attempt that fails leaves the outer shell, its command and all output as they were.
import Loop
import Programs
import Terminal
import Wire

/// Adopts the shell that has the terminal.
@IO struct Adoption {
    let console: Console
    /// `agent/host`, for people.
    let target: String

    /// The most shells inside each other: one for each level of marks, except the session's own.
    private static let depthLimit = MarkScanner.levelLimit - 1
    /// The least time an inner shell has to answer, whatever the caller's wait: that of a login
    /// over a slow line.
    private static let answerTime = Duration.seconds(10)
    /// How long to wait for a shell that starts, before anything is typed.
    private static let startTime = Duration.seconds(3)
    /// Time between two probes of a shell that starts.
    private static let startStep = Duration.milliseconds(100)

    /// Makes that shell the one that commands run in; throws the reason if that fails.
    ///
    /// Types nothing if the program in the terminal is known not to be a shell.
    func adopt(wait patience: Duration) async throws(Fault) {
        guard console.depth < Self.depthLimit else {
            throw Fault(
                .limitReached,
                "session \(console.id) has \(console.depth) shells inside each other already")
        }
        let limit = IO.now + max(patience, Self.answerTime)
        let found = try await adoptable(limit)
        let level = console.depth
        try console.checkFree()
        let nonce = Nonce()
        console.push(nonce)
        console.occupation = .adopting(depth: console.depth)
        defer { console.occupation = nil }
        let setUp = SetUp(
            console: console, target: target, deadline: max(limit, IO.now + Self.answerTime),
            depth: console.depth)
        do throws(Fault) {
            // A program whose name shows it to be a shell may be asked again.
            var times = [SetUp.once]
            if case .shell = found { times = SetUp.questionTimes }
            try await setUp.introduce(times: times)
            try await setUp.arm()
        } catch {
            if console.end == nil, console.depth > level { console.leave(to: level) }
            console.intake.forgetMarks()
            try console.checkAlive()
            throw Self.failure(found, error)
        }
        await place(inside: level)
        let shown = SetUp.shown(console.intake.takeGreeting())
        if !shown.isEmpty { console.log.append(Array((shown + "\n").utf8)[...]) }
        // What came until now is not output of the first command in it.
        console.shell.rest = console.log.end
        console.watch.typed(at: IO.now)
        console.waiters.wakeAll()
    }

    /// Waits until a shell seems to wait for a command.
    func adoptable(
        _ deadline: ContinuousClock.Instant
    ) async throws(Fault) -> Probe.Adoption? {
        let limit = min(deadline, IO.now + Self.startTime)
        while true {
            try console.checkAlive()
            try console.checkFree()
            guard let scene = console.scene else {
                guard console.shell.isRunning else {
                    throw Fault(
                        .invalidArgument,
                        "nothing to adopt: session \(console.id) is at the prompt of its shell")
                }
                try await waitForCommand(limit)
                continue
            }
            guard let probe = await console.asker.hear(within: deadline - IO.now) else {
                guard !console.display.modes.isAlternate else {
                    throw Self.refusal("a full-screen program has the terminal")
                }
                // If no kernel can be asked, the text decides; one that answered before is only
                // slow.
                guard !console.asker.canAsk else {
                    throw Self.refusal(
                        "the host did not report in time what has the terminal; try again")
                }
                if PromptGuess.isShellPrompt(scene.openLine ?? "") { return nil }
                guard IO.now < limit, !Task.isCancelled else {
                    throw Self.refusal(
                        "this host does not show what has the terminal, and its last line is not "
                            + "the prompt of a shell (if a shell waits there, type PS1='$ ' first)")
                }
                await console.waiters.wait(until: IO.now + Self.startStep) {
                    self.console.end != nil
                }
                continue
            }
            let adoption = (console.scene ?? scene).adoption(probe)
            console.watch.named(probe)
            let obstacle: String
            switch adoption {
            case .shell, .carrier, .itself: return adoption
            case .refused(let why): throw Self.refusal(why)
            case .busy(let name): obstacle = "\(name) does not wait for a command"
            case .unprompted(let name):
                obstacle =
                    "nothing shows that \(name) waits for a command; if it does, type PS1='$ ' "
                    + "with ssh_session_send, then adopt again"
            }
            guard IO.now < limit, !Task.isCancelled else { throw Self.refusal(obstacle) }
            await console.waiters.wait(until: IO.now + Self.startStep) { self.console.end != nil }
        }
    }

    /// Waits until the shell has begun the command that was given to it.
    private func waitForCommand(_ limit: ContinuousClock.Instant) async throws(Fault) {
        await console.waiters.wait(until: limit) {
            console.shell.openBegin != nil || !console.shell.isRunning || console.end != nil
        }
        guard IO.now < limit, !Task.isCancelled else {
            throw Self.refusal("the shell has not begun the command yet; try again")
        }
    }

    private static func refusal(_ why: String) -> Fault {
        Fault(.busy, "nothing was adopted and nothing typed: \(why)")
    }

    private static func failure(_ adoption: Probe.Adoption?, _ error: Fault) -> Fault {
        let who =
            switch adoption {
            case .shell(let name), .carrier(let name): name
            case .itself, .busy, .unprompted, .refused, nil: "what has the terminal"
            }
        return Fault(
            error.code,
            "\(who) did not answer as a shell: \(error.message). The line that asked was typed and may "
                + "have been taken as input; ssh_session_read shows what came of it.")
    }

    /// Finds where the new shell is: on this host, where the kernel can be asked about it, or
    /// elsewhere; in place of the outer shell (exec), or inside it.
    private func place(inside level: Int) async {
        guard console.depth == level + 1, let identity = console.shell.identity else { return }
        let outer = console.shells[level]
        let place = await console.asker.find(identity, inside: outer)
        guard console.depth == level + 1 else { return }
        console.shell.place = place
        guard let process = outer.process, identity.process == process,
            identity.device == outer.terminal, place != .elsewhere
        else { return }
        console.shell.place = .here(process: process)
        console.replaceOuter()
    }
}
