// One command on one target from its start to its end: its outputs by offset, its end, who waits.
// Flow: Commands starts it, CommandRun+Waiting waits for it, CommandRun+Answers tells of it.
// Invariant: it ends exactly once; what is to end gets its time to, and is given up 4 s after that.
import Crypto
import Loop
import Programs
import Wire

/// A one-shot command.
@IO final class CommandRun: Job {
    /// What was asked for.
    struct Order {
        /// The command line, cut for lists.
        let preview: String
        /// The directory that it was to run in; nil: the user's home.
        let directory: String?
        /// Whether its output is a terminal's.
        let hasTerminal: Bool
        /// What its processes carry in their environment, by which they are found.
        ///
        /// Agents of other relays mark processes of the same host, and no mark may be the beginning
        /// of another: so the command's id is not enough.
        let mark: String

        /// A new mark for a command.
        static func mark(for id: String) -> String {
            "\(id)-\(Base32.encode(Random.bytes(5)).lowercased())"
        }
    }

    /// Why it is being ended, and what is left of it then.
    struct Ending {
        let state: RunState
        /// More words about the reason.
        let why: String?
        /// What its host found after the signals; nil: that is not known yet.
        var sweep: Sweep?
    }

    let id: String
    /// `agent/host` as the caller wrote it, under the agent's present name.
    var target: String
    /// Its owner, by whom it is found.
    let owner: Owner
    let order: Order
    let logs: RunLogs
    let started: ContinuousClock.Instant
    /// When and how it ended, and whether another process still had its output then; nil: it has
    /// not ended, as far as is known.
    private var outcome: (moment: ContinuousClock.Instant, end: ProgramEnd, isOutputHeld: Bool)?
    /// Why it was not run; nil: it was, as far as is known.
    private(set) var obstacle: Fault?
    /// How it is found again where it outlives the connection; nil: it does not.
    var detachment: Detachment?
    private(set) var ending: Ending?
    /// When its timeout ends it; nil: nothing does.
    private(set) var deadline: ContinuousClock.Instant?
    /// Called when it has ended.
    var onEnd: (@IO () -> Void)?
    let changed = Condition()

    private var process: CommandProcess?
    private var timer: LoopTimer?

    /// Time to end after the first signal, and for the host's answer about what is left.
    nonisolated static let grace = Duration.seconds(5)
    nonisolated static let answerTime = Duration.seconds(4)

    /// A command that starts now, or was started before.
    init(
        id: String, target: String, owner: Owner, _ order: Order,
        started: ContinuousClock.Instant = IO.now
    ) {
        self.id = id
        self.target = target
        self.owner = owner
        self.order = order
        self.started = started
        logs = RunLogs(of: owner.id, isTerminal: order.hasTerminal)
    }

    var ended: ContinuousClock.Instant? { outcome?.moment }
    var end: ProgramEnd? { outcome?.end }
    /// Whether a process that it has left behind still had its output when it ended.
    var isOutputHeld: Bool { outcome?.isOutputHeld ?? false }
    /// Whether the agent hears of it.
    var isAttached: Bool { process != nil }

    /// The command's state.
    var state: RunState {
        guard let end else { return detachment?.lost == nil ? .running : .linkLost }
        if obstacle != nil { return .notRun }
        if let ending { return ending.state }
        return switch end {
        case .exited, .signalled: .done
        case .unreported: .endedWithoutStatus
        case .lost: .linkLost
        }
    }

    /// Takes over a process that has just been started; without a timeout, nothing ends it.
    func start(_ process: CommandProcess, input: [UInt8], timeout: Duration?) {
        self.process = process
        if let timeout {
            deadline = IO.now + timeout
            timer = LoopTimer(after: timeout) { [weak self] in self?.end(.timedOut, "TERM") }
        }
        process.send(input)
        follow(process)
        CrashPoint.reach("agent.running")
    }

    /// Takes in what a process passes on.
    func follow(_ process: CommandProcess) {
        guard outcome == nil else { return process.program.close() }
        self.process = process
        detachment?.lost = nil
        let program = process.program
        program.onOutput = { [weak self] bytes in
            self?.logs.output.append(bytes[...])
            self?.changed.broadcast()
        }
        program.onErrorOutput = { [weak self] bytes in
            self?.logs.errors.append(bytes[...])
            self?.changed.broadcast()
        }
        program.onEnd = { [weak self] in self?.finish($0) }
        program.resume()
    }

    /// Lets go of what passes its output on; it runs on.
    func letGo() {
        let program = process?.program
        finish(.lost("the agent was stopped"))
        program?.close()
    }

    /// Ends it on request: the signal to all that it started, and KILL after `grace`.
    func cancel(_ signal: String, grace: Duration = CommandRun.grace, saying why: String? = nil) {
        end(.cancelled, signal, grace, why)
    }

    /// Ends it on request; where nothing follows it, through the process that started it.
    func cancel(_ signal: String, through starter: CommandProcess?) {
        if outcome == nil, process == nil { process = starter }
        cancel(signal)
    }

    /// It was not run, and why.
    func refuse(_ fault: Fault) {
        obstacle = fault
        conclude(.exited(1))
    }

    /// Ends it for the agent alone, which cannot reach its host.
    func giveUp(_ why: String) {
        guard outcome == nil else { return }
        ending = Ending(
            state: .cancelled, why: "its end is not confirmed, and it was given up: \(why)",
            sweep: .unknown(why))
        conclude(.lost(why))
    }

    private func end(
        _ state: RunState, _ signal: String, _ grace: Duration = CommandRun.grace,
        _ why: String? = nil
    ) {
        guard end == nil,
            ending == nil || detachment != nil && ending?.sweep != nil, let process
        else { return }
        ending = Ending(state: state, why: why)
        deadline = nil
        IO.task { [weak self] in
            let sweep = await process.end(signal, grace)
            guard let self else { return }
            self.swept(sweep)
        }
        timer = LoopTimer(after: grace + Self.answerTime / 2) { [weak self] in
            guard let self else { return }
            self.process?.program.close()
            self.timer = LoopTimer(after: Self.answerTime / 2) { [weak self] in
                self?.finish(.lost(Self.endless))
            }
        }
    }

    /// Takes its host's answer about what is left.
    private func swept(_ sweep: Sweep) {
        ending?.sweep = sweep
        if outcome == nil, detachment?.lost != nil {
            // Nothing follows it any more: what its host found decides.
            process = nil
            switch sweep {
            case .gone: conclude(.unreported)
            case .left: break
            case .unknown: ending = nil
            }
        }
        changed.broadcast()
    }

    /// The end of what could not be ended.
    private static let endless = "it could not be ended"

    private func finish(_ end: ProgramEnd) {
        guard outcome == nil else { return }
        let isOutputHeld = process?.program.isOutputHeld ?? false
        process = nil
        if case .lost(let why) = end, detachment != nil, ending?.sweep != .gone {
            timer?.cancel()
            timer = nil
            detachment?.lost = why
            return changed.broadcast()
        }
        if detachment?.isDoubtful == true, end == .signalled(DetachedScript.missing) {
            return refuse(
                Fault(.linkLost, "the connection was lost before the command was started"))
        }
        conclude(detachment?.meaning(of: end) ?? end, isOutputHeld: isOutputHeld)
    }

    private func conclude(_ end: ProgramEnd, isOutputHeld: Bool = false) {
        guard outcome == nil else { return }
        process = nil
        outcome = (IO.now, end, isOutputHeld)
        if case .exited(Obstacle.code) = end, let directory = order.directory {
            obstacle = Obstacle(mark: order.mark, in: logs.lastLines)?.fault(directory, on: target)
        }
        if case .exited(0) = end, obstacle == nil {
            let texts = logs.beginnings
            obstacle = CommandText.obstacle(
                of: order.preview, exitedZero: texts.output, texts.errors)
        }
        deadline = nil
        timer?.cancel()
        timer = nil
        logs.settle()
        changed.broadcast()
        onEnd?()
        onEnd = nil
    }
}
