// Asks the kernel of a shell's host in Watch's time, beside whoever waits, and never prolongs a
// wait. It also finds where an adopted shell runs. Invariant: one question at a time is on its way
// for Watch, whoever waits.
import Loop
import Programs
import Terminal
import Wire

/// The loop that asks.
@IO final class Asker {
    private unowned let console: Console
    /// A look is under way.
    private(set) var isAsking = false
    /// The kernel is asked where an adopted shell runs.
    private var isPlacing = false

    /// Time for an answer that decides; over a slow link it takes some of it.
    static let answerTime = Duration.seconds(5)
    /// Time a read waits for a fresh look: it is to answer at once.
    private static let glanceTime = Duration.milliseconds(100)
    /// Time between two questions to a kernel that answered before and is only slow.
    private static let retryTime = Duration.milliseconds(100)

    init(_ console: Console) { self.console = console }

    // MARK: Waiting

    /// Waits for a client, until `isOver`, the deadline, or (if it `stopsAtFinding`) until what
    /// runs is found to wait for input.
    func wait(
        until deadline: ContinuousClock.Instant, orOutput: Bool = false,
        stopsAtFinding: Bool = true, _ isOver: @IO () -> Bool
    ) async {
        var pace = ProbePace(start: IO.now, deadline: deadline)
        while true {
            let next = min(deadline, pace.next(lastOutput: console.lastOutput))
            await console.waiters.wait(until: next, orOutput: orOutput, asAsked: true) {
                isOver() || stopsAtFinding && console.watch.finding != nil
            }
            let now = IO.now
            let isFound = stopsAtFinding && console.watch.finding != nil
            let isEnded = now >= deadline || Task.isCancelled || TaskPatience.isOver
            if isOver() || isFound || isEnded { return }
            guard now >= pace.next(lastOutput: console.lastOutput) else { continue }
            guard console.scene != nil else {
                pace.restart(at: now)
                continue
            }
            pace.asked(at: now)
            startLook()
        }
    }

    /// Looks once, unless that was just done; waits a moment for it.
    func glance() async {
        guard console.scene != nil, !console.watch.isFresh(IO.now) else { return }
        await look(within: Self.glanceTime) { false }
    }

    /// Looks once, and waits for that at most `limit`, or until `isOver`.
    func look(within limit: Duration, _ isOver: @IO () -> Bool) async {
        startLook()
        await console.waiters.wait(until: IO.now + limit) { !isAsking || isOver() }
    }

    private func startLook() {
        guard !isAsking else { return }
        isAsking = true
        // Whoever asks keeps the console, which may be closed meanwhile.
        IO.task { [console] in
            await console.asker.look()
            console.asker.isAsking = false
            console.waiters.wakeAll()
        }
    }

    /// Asks until an answer tells.
    private func look() async {
        guard let first = console.scene else { return }
        var look = console.watch.look(first, at: IO.now)
        while console.scene != nil {
            console.watch.ask(&look, at: IO.now)
            let probe = await ask()
            guard let scene = console.scene else { return }
            let step = console.watch.answered(probe, to: &look, scene, at: IO.now)
            if step == .over, let finding = console.watch.finding {
                // Behind a shell without marks, lines follow what one of its programs drew.
                let draws = finding.state == .fullscreen && console.watch.unmarked == nil
                console.log.foundDrawing(draws)
            }
            console.waiters.wake()
            switch step {
            case .over: return
            case .again: break
            case .rest(let time, let atOutput):
                let output = console.lastOutput
                await console.waiters.wait(until: IO.now + time, orOutput: atOutput) {
                    self.console.shell.openBegin != scene.begin
                        || atOutput && self.console.lastOutput > output
                }
            }
        }
    }

    // MARK: Asking

    /// The kernel's answer about the shell that is driven; nil: it gave none.
    func ask() async -> Probe? {
        if console.shell.place == .unknown { await placeAgain() }
        guard let question = console.shell.question,
            let answer = await console.transport.ask(question), let probe = Probe(answer)
        else { return nil }
        console.watch.heard()
        let shell = console.shell
        return shell.isLogin ? shell.login?.seen(in: probe) ?? probe : probe
    }

    /// The kernel has answered before, and can be asked about the shell that is driven.
    var canAsk: Bool {
        guard console.watch.isHeard, console.end == nil else { return false }
        switch console.shell.place {
        case .here, .unknown: return true
        case .elsewhere: return false
        }
    }

    /// The kernel's answer; where it answered before and is only slow it is asked again.
    func hear(within limit: Duration = answerTime) async -> Probe? {
        let probe = await IO.within(limit) { [console] () async -> Probe? in
            while true {
                if let probe = await console.asker.ask() { return probe }
                guard console.asker.canAsk, !Task.isCancelled else { return nil }
                await console.waiters.wait(until: IO.now + Self.retryTime) { console.end != nil }
            }
        }
        return probe.flatMap { $0 }
    }

    // MARK: Where an adopted shell is

    /// The kernel did not answer when a shell was adopted: asks again, once for all who wait, at
    /// most
    /// `limit`.
    func placeAgain(within limit: Duration = answerTime) async {
        guard isUnplaced else { return }
        if !isPlacing {
            isPlacing = true
            IO.task { [console] in
                await console.asker.lookForPlace()
                console.asker.isPlacing = false
                console.waiters.wake()
            }
        }
        await console.waiters.wait(until: IO.now + limit) { !isPlacing || console.end != nil }
    }

    /// The shell that is driven was adopted, and the kernel has not shown where it runs.
    private var isUnplaced: Bool {
        console.depth > 0 && console.occupation == nil && console.shell.place == .unknown
            && console.shell.identity != nil
    }

    private func lookForPlace() async {
        guard isUnplaced, let identity = console.shell.identity else { return }
        let wasReady = console.shell.state.phase == .ready
        let place = await find(identity, inside: console.shells[console.depth - 1])
        guard isUnplaced, console.shell.identity == identity else { return }
        // Another user's shell is not seen while what it runs has the terminal.
        if place == .elsewhere, !wasReady || console.shell.state.phase != .ready { return }
        console.shell.place = place
    }

    /// Where a shell is that was adopted inside `outer`.
    func find(_ identity: SessionShell.Identity, inside outer: SessionShell) async
        -> SessionShell.Place
    {
        // The same process with the same stack, whatever has the terminal just now.
        if let image = identity.image, let device = identity.device {
            guard let probe = await answer(about: identity.process, device) else { return .unknown }
            if probe.found?.image == image, probe.found?.isOn(device) == true {
                return .here(process: identity.process)
            }
        }
        guard let process = outer.process, let terminal = outer.terminal else {
            return outer.place == .unknown ? .unknown : .elsewhere
        }
        // Another user's is shown among what is in the outer one's foreground.
        guard let probe = await answer(about: process, terminal)?.found else { return .unknown }
        if probe.shows(process: identity.process, terminal: identity.terminal) {
            return .here(process: identity.process)
        }
        // In a namespace of processes it has another number here, and what it said of itself may be
        // of another process: it is the one shell that reads this terminal, as it is at its prompt.
        guard identity.device == terminal else { return .elsewhere }
        let readers = probe.readingShells
        if readers.count == 1 { return .here(process: readers[0]) }
        // It has printed its prompt, and is only about to read.
        return readers.isEmpty && probe.isWorking ? .unknown : .elsewhere
    }

    /// What the kernel says of a process, in time; nil: nothing; `found` nil: no such process.
    private func answer(about process: Int, _ terminal: String) async -> (found: Probe?, ())? {
        guard let question = Probe.Question(process: process, terminal: terminal) else {
            return (nil, ())
        }
        let transport = console.transport
        let bytes = await IO.within(Self.answerTime) { await transport.ask(question) }
        return bytes.flatMap { $0 }.map { (Probe($0), ()) }
    }
}
