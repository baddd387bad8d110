// A shell inside the session's shell: su, ssh, docker exec, bash, or one that exec put in its place.
// It is asked and set up as a session's own is, with a nonce of its own; then it is the one that is
// driven, and what is known of the outer one waits on a stack until its mark says that it is back.
// Invariant: an attempt that fails leaves the outer shell, its command and all output as they were.
import Loop
import Terminal
import Wire

extension Session {
    /// The most shells inside each other.
    private static let depthLimit = MarkScanner.levelLimit - 1
    /// The least time an inner shell has to answer.
    private static let adoptionTime = Duration.seconds(10)
    /// How long a shell that starts is waited for before anything is typed.
    private static let startTime = Duration.seconds(3)

    /// A shell around the one that is driven.
    struct OuterShell {
        let state: ShellState
        let echo: EchoFilter
        let profile: ShellProfile
        let shellName: String
        let shellProcess: Int?
        let shellImage: Int?
        let terminalName: String?
        let unplaced: Identity?
        let command: SessionCommand?
        let direct: Direct?
        let stoppedJobs: Set<Int>
    }

    /// How many shells were adopted inside each other.
    var depth: Int { outer.count }

    /// What is asked has ended: the session, or the shell that is being adopted.
    var isShellGone: Bool { end != nil || depth < adoptionDepth }

    /// A shell is being adopted: nothing else is typed meanwhile.
    var isAdopting: Bool { adoptionDepth > 0 }

    /// Makes the shell that has the terminal the one that is driven.
    func adopt(wait patience: Duration, maxBytes: Int) async throws(Fault) -> CommandResult {
        try checkAlive()
        try checkShell("adopts no shells")
        try checkFree()
        guard depth < Self.depthLimit else {
            throw Fault(
                .limitReached, "session \(id) has \(depth) shells inside each other already")
        }
        lastUsed = IO.now
        let begin = log.end
        let limit = IO.now + max(patience, Self.adoptionTime)
        let adoption = try await adoptable(limit)
        let level = depth
        try checkFree()
        enter()
        let deadline = max(limit, IO.now + Self.adoptionTime)
        defer { adoptionDepth = 0 }
        let nonce = Nonce()
        do throws(Fault) {
            scanner.push(nonce)
            // One that a name shows to be a shell may be asked again.
            var times = [Duration.seconds(3600)]
            if case .shell = adoption { times = Self.questionTimes }
            try await introduce(deadline, nonce, times: times)
            try await arm(deadline, nonce)
        } catch {
            if end == nil, depth > level { leave(to: level) }
            scanner.keep(level + 1)
            try checkAlive()
            throw Self.failure(adoption, error)
        }
        await place(inside: level, nonce)
        let shown = Self.shown(greeting)
        greeting = []
        if !shown.isEmpty { log.append(Array((shown + "\n").utf8)[...]) }
        // What came until now is no output of the first command in it.
        direct = Direct(begin: log.end, isOver: true, end: log.end)
        forgetFindings()
        adoptionDepth = 0
        wakeAll()
        return result(of: nil, in: begin..<log.end, maxBytes: maxBytes)
    }

    /// Waits until a shell seems to wait for a command.
    private func adoptable(
        _ deadline: ContinuousClock.Instant
    ) async throws(Fault) -> Probe.Adoption? {
        let limit = min(deadline, IO.now + Self.startTime)
        while true {
            try checkAlive()
            try checkFree()
            guard openBegin != nil else {
                throw Fault(
                    .invalidArgument,
                    "nothing to adopt: session \(id) is at the prompt of its shell")
            }
            guard let probe = await hearKernel(within: deadline - IO.now) else {
                guard !display.modes.isAlternate else {
                    throw Self.refusal("a full-screen program has the terminal")
                }
                // Where no kernel can be asked the marks alone decide; one that told before is only
                // slow, and what has the terminal may be no shell.
                guard canAskKernel else { return nil }
                throw Self.refusal("the host did not tell in time what has the terminal; try again")
            }
            let adoption = probe.adoption(drawsScreen: display.modes.isAlternate)
            foreground = probe.foreground
            switch adoption {
            case .shell, .carrier, .itself: return adoption
            case .refused(let why): throw Self.refusal(why)
            case .busy(let name):
                guard IO.now < limit, !Task.isCancelled else {
                    throw Self.refusal("\(name) does not wait for a command")
                }
                await wait(until: IO.now + .milliseconds(100)) { self.end != nil }
            }
        }
    }

    private static func refusal(_ why: String) -> Fault {
        Fault(.busy, "nothing was adopted and nothing typed: \(why)")
    }

    private static func failure(_ adoption: Probe.Adoption?, _ error: Fault) -> Fault {
        let who =
            switch adoption {
            case .shell(let name), .carrier(let name): name
            default: "what has the terminal"
            }
        return Fault(
            error.code,
            "\(who) did not answer as a shell: \(error.message). The line that asked was typed and may "
                + "have been taken as input; ssh_session_read shows what came of it.")
    }

    /// What is driven steps back for the shell inside it.
    private func enter() {
        settle(endsEcho: true)
        outer.append(
            OuterShell(
                state: state, echo: echo, profile: profile, shellName: shellName,
                shellProcess: shellProcess, shellImage: shellImage, terminalName: terminalName,
                unplaced: unplaced, command: command, direct: direct,
                stoppedJobs: probing.stoppedJobs))
        state = ShellState()
        echo = EchoFilter(editor: .none)
        (command, direct, identity, unplaced) = (nil, nil, nil, nil)
        setUp = .asking
        greeting = []
        adoptionDepth = depth
    }

    /// An outer shell is driven again: those inside it are over.
    func leave(to level: Int) {
        settle(endsEcho: true)
        if setUp != .done {
            releaseGreeting()
            setUp = .done
        }
        while depth > level, let shell = outer.popLast() {
            let inner = command
            state = shell.state
            echo = shell.echo
            profile = shell.profile
            shellName = shell.shellName
            (shellProcess, shellImage) = (shell.shellProcess, shell.shellImage)
            (terminalName, unplaced) = (shell.terminalName, shell.unplaced)
            command = shell.command
            direct = shell.direct
            probing.stoppedJobs = shell.stoppedJobs
            if let inner { inner.leave(to: shell.command, at: log.end) }
        }
        forgetFindings()
        wakeAll()
    }

    // MARK: Where an adopted shell is

    /// As far as the kernel was heard.
    private enum Place { case here, elsewhere, unknown }

    /// Where the new shell is: on this host, where the kernel can be asked about it, or somewhere
    /// else; in the place of the outer one (exec), or inside it.
    private func place(inside level: Int, _ nonce: Nonce) async {
        guard let identity, outer.indices.contains(level) else { return }
        let around = outer[level]
        let place = await find(identity, inside: around)
        guard depth == level + 1 else { return }
        file(identity, place)
        guard identity.process == around.shellProcess, identity.device == around.terminalName,
            place != .elsewhere
        else { return }
        file(identity, .here)
        outer.remove(at: level)
        scanner.remove(level)
        if level == 0 { self.nonce = nonce }
        around.command?.finish(.replacedShell, at: log.end)
    }

    /// The kernel did not answer when a shell was adopted: tries again.
    func placeAgain() async {
        guard let identity = unplaced, let around = outer.last, !isAdopting else { return }
        let wasIdle = !isRunning
        let place = await find(identity, inside: around)
        guard unplaced == identity, !isAdopting else { return }
        // Another user's shell is not seen while what it runs has the terminal.
        if place == .elsewhere, !wasIdle || isRunning { return }
        file(identity, place)
    }

    private func file(_ identity: Identity, _ place: Place) {
        let isHere = place == .here
        (shellProcess, terminalName) = isHere ? (identity.process, identity.device) : (nil, nil)
        unplaced = place == .unknown ? identity : nil
    }

    private func find(_ identity: Identity, inside around: OuterShell) async -> Place {
        // The same process with the same stack, whatever has the terminal just now.
        if let image = identity.image {
            guard let answer = await question(identity.process, identity.device) else {
                return .unknown
            }
            if Probe(answer)?.image == image { return .here }
        }
        guard let process = around.shellProcess else {
            return around.unplaced == nil ? .elsewhere : .unknown
        }
        // Another user's is shown among what is in the outer one's foreground.
        guard let answer = await question(process, around.terminalName) else { return .unknown }
        let isShown = Probe(answer)?.shows(
            process: identity.process, terminal: identity.terminal)
        return isShown == true ? .here : .elsewhere
    }

    /// What the kernel says of a shell, in time; empty: there is nothing to ask about.
    private func question(_ process: Int?, _ terminal: String?) async -> [UInt8]? {
        guard let process, let terminal,
            let question = Probe.Question(process: process, terminal: terminal)
        else { return [] }
        return await IO.within(Self.probeTime) { await self.transport.ask(question) }
            .flatMap { $0 }
    }

    /// What came while the shell was asked, without the lines typed and their prompts.
    private static func shown(_ greeting: [UInt8]) -> String {
        let lines = CleanText.clean(greeting[...]).split(
            separator: "\n", omittingEmptySubsequences: false)
        // A line editor breaks long lines: then only a part of what was typed is on each.
        let own = ["\\033]133;", "$PPID", "__s="]
        let kept = lines.filter { line in !own.contains { line.contains($0) } }
        let text = kept.joined(separator: "\n")
        return text.allSatisfy(\.isWhitespace) ? "" : text
    }
}
