// One command on one target from its start to its end: its outputs by offset, its end, who waits.
// Invariant: it ends exactly once; after its timeout it is ended, and six seconds later it is
// abandoned.
import Loop
import Programs
import Wire

/// A one-shot command.
@IO final class CommandRun: Job {
    let id: String
    /// `agent/host` as the caller wrote it, under the agent's present name.
    var target: String
    /// Its owner, by whom it is found.
    let owner: Owner
    /// The command line, cut for lists.
    let command: String
    /// Its standard output; 1 MiB in memory and 64 MiB on disk at most, as up to 512 commands (256
    /// running, 256 ended) have such logs.
    let output: OutputLog
    /// Its standard error, within the same limits.
    let errors: OutputLog
    let started = IO.now
    private(set) var ended: ContinuousClock.Instant?
    private(set) var end: ProgramEnd?

    /// Called when it has ended.
    var onEnd: (@IO () -> Void)?

    private var process: CommandProcess?
    /// Why it is being ended: the timeout or a request, and more words about it.
    private var reason: (state: RunState, why: String?)?
    private var timer: LoopTimer?
    private let changed = Condition()

    /// `hasTerminal`: its output is a terminal's.
    init(id: String, target: String, owner: Owner, command: String, hasTerminal: Bool) {
        self.id = id
        self.target = target
        self.owner = owner
        self.command = String(command.prefix(200))
        output = OutputLog(
            memoryLimit: 1 << 20, spoolLimit: 64 << 20, of: owner.id, isTerminal: hasTerminal)
        errors = OutputLog(
            memoryLimit: 1 << 20, spoolLimit: 64 << 20, of: owner.id, isTerminal: false)
    }

    /// The command's state.
    var state: RunState {
        guard let end else { return .running }
        if let reason { return reason.state }
        return switch end {
        case .exited, .signalled: .done
        case .unreported: .endedWithoutStatus
        case .lost: .linkLost
        }
    }

    /// Takes over a process that has just been started.
    func start(_ process: CommandProcess, input: [UInt8], timeout: Duration) {
        self.process = process
        timer = LoopTimer(after: timeout) { [weak self] in self?.end(.timedOut, "TERM") }
        let program = process.program
        program.onOutput = { [weak self] bytes in
            self?.output.append(bytes[...])
            self?.changed.broadcast()
        }
        program.onErrorOutput = { [weak self] bytes in
            self?.errors.append(bytes[...])
            self?.changed.broadcast()
        }
        program.onEnd = { [weak self] in self?.finish($0) }
        process.send(input)
        program.resume()
        CrashPoint.reach("agent.running")
    }

    /// Ends it on request.
    func cancel(_ signal: String, saying why: String? = nil) { end(.cancelled, signal, why) }

    /// Waits for its end, or for output beyond the offsets; a wait that the client asked for
    /// (`asAsked`) ends with the client's patience as well.
    func wait(
        _ limit: Duration, asAsked: Bool = false, beyond offsets: (output: Int, errors: Int)? = nil
    ) async {
        await changed.wait(until: IO.now + limit, asAsked: asAsked) {
            guard end == nil, let offsets else { return end != nil }
            return output.end > offsets.output || errors.end > offsets.errors
        }
    }

    /// The answer, with head and tail of both outputs.
    func result(maxBytes: Int) -> RunResult {
        var result = blank
        result.stdout = Self.piece(
            Excerpt(output, 0..<output.end, maxBytes: maxBytes, isOver: end != nil))
        result.stderr = Self.piece(
            Excerpt(errors, 0..<errors.end, maxBytes: maxBytes, isOver: end != nil))
        return result
    }

    /// The answer, with the output after the offsets.
    func result(from offsets: (output: Int, errors: Int), maxBytes: Int) -> RunResult {
        var result = blank
        result.stdout = Self.piece(
            Excerpt(
                output, from: min(offsets.output, output.end), to: output.end, maxBytes: maxBytes,
                raw: false, isOver: end != nil))
        result.stderr = Self.piece(
            Excerpt(
                errors, from: min(offsets.errors, errors.end), to: errors.end, maxBytes: maxBytes,
                raw: false, isOver: end != nil))
        return result
    }

    /// The progress, for a waiting caller.
    var progress: CallProgress {
        CallProgress(
            bytes: output.end + errors.end,
            line: output.lastLine(from: 0) ?? errors.lastLine(from: 0))
    }

    private var blank: RunResult {
        var result = RunResult(target: target, commandID: id, state: state)
        switch end {
        case .exited(let code):
            result.exitCode = Int(code)
            if code != 0 { result.note = advice }
        case .signalled(let name): result.signal = name
        case .unreported: result.note = advice ?? ProgramEnd.unreportedNote
        case .lost(let why): result.note = why
        case nil: break
        }
        result.note = reason?.why ?? result.note
        result.durationMS = Int(((ended ?? IO.now) - started) / .milliseconds(1))
        return result
    }

    /// What to do where the host's program is not a shell, by the beginning of its output.
    private var advice: String? {
        let texts = [output, errors].map { log in
            Excerpt(
                log, from: 0, to: min(log.end, 4096), maxBytes: 4096, raw: false, isOver: true
            ).text
        }
        return CommandText.advice(mark: id, texts)
    }

    private static func piece(_ excerpt: Excerpt) -> OutputPiece {
        var piece = OutputPiece()
        piece.text = excerpt.text
        piece.omittedBytes = excerpt.omittedBytes + excerpt.lostBytes
        piece.nextOffset = excerpt.nextOffset
        return piece
    }

    private func end(_ state: RunState, _ signal: String, _ why: String? = nil) {
        guard end == nil, reason == nil else { return }
        reason = (state, why)
        process?.end(signal)
        // Twice the time after which its host kills what is left of it.
        timer = LoopTimer(after: .seconds(4)) { [weak self] in
            guard let self else { return }
            self.process?.program.close()
            self.timer = LoopTimer(after: .seconds(2)) { [weak self] in
                self?.finish(.lost("it could not be ended"))
            }
        }
    }

    private func finish(_ end: ProgramEnd) {
        guard self.end == nil else { return }
        self.end = end
        ended = IO.now
        timer?.cancel()
        timer = nil
        process = nil
        changed.broadcast()
        onEnd?()
        onEnd = nil
    }
}
