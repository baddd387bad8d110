// One transfer as a job: what it has done so far, how it ends, and what is said of it.
// Invariant: it ends exactly once, and what it says it has copied is at the destination.
import Loop
import Wire

/// What a transfer has done.
struct TransferCounts: Sendable {
    /// The absolute path at the destination.
    var path: String?
    var total: (files: Int, bytes: Int)?
    var done = TransferAmounts()
    var failures: [String] = []
    var sha256: String?

    mutating func fail(_ path: String, _ reason: String) {
        done.failed += 1
        guard failures.count < TransferInfo.shownFailures else { return }
        failures.append("\(path.isEmpty ? "" : "\(path): ")\(reason)".shown(atMost: 500))
    }
}

/// A transfer.
@IO final class Transfer: Job {
    let id: String
    let owner: Owner
    /// The destination under the agent's present name.
    var target: String
    /// The source and the destination, for people.
    let source: String
    private let destination: String
    let started = IO.now
    private(set) var ended: ContinuousClock.Instant?
    var onEnd: (@IO () -> Void)?
    var counts = TransferCounts()
    private(set) var state = RunState.running
    /// Why it ended before everything was copied.
    private(set) var fault: Fault?
    /// Why it is being ended.
    private var ending: String?
    /// Ends the work.
    var stop: (@IO () -> Void)?
    private let changed = Condition()

    init(id: String, target: String, path: String, owner: Owner, source: String) {
        (self.id, self.target, self.owner, self.source) = (id, target, owner, source)
        destination = path
    }

    /// Waits for its end.
    func wait(_ limit: Duration) async {
        await changed.wait(until: IO.now + limit, asAsked: true) { ended != nil }
    }

    /// Ends it; what is incomplete stays under its partial name.
    func cancel(saying why: String) {
        guard ended == nil, ending == nil else { return }
        ending = why
        stop?()
    }

    /// It has ended, by itself or not.
    func finish(_ fault: Fault?) {
        guard ended == nil else { return }
        ended = IO.now
        self.fault = fault
        state =
            ending != nil ? .cancelled : fault != nil || counts.done.failed > 0 ? .failed : .done
        stop = nil
        changed.broadcast()
        onEnd?()
        onEnd = nil
    }

    /// What it has done so far.
    var info: TransferInfo {
        var info = TransferInfo(commandID: id, target: target, source: source, state: state)
        (info.path, info.total, info.sha256) = (counts.path, counts.total, counts.sha256)
        (info.done, info.failures) = (counts.done, counts.failures)
        info.setTime((ended ?? IO.now) - started, isOver: ended != nil)
        info.note = note
        return info
    }

    private var note: String? {
        if let ending { return "\(ending): \(Self.again)" }
        if let fault {
            return fault.code.isBreak ? "\(fault.message): \(Self.again)" : fault.message
        }
        guard counts.done.failed > 0, ended != nil else { return nil }
        return "\(counts.done.failed) entries could not be copied (failures)"
            + (counts.done.files > 0 ? "; the rest was copied" : "")
    }

    private static let again =
        "the same call goes on where the file stopped, if the source has not changed"

    /// The same as text, for `command.output`.
    var result: RunResult { info.asCommand }

    /// The fault of a transfer that has failed before anything was copied.
    var obstacle: Fault? {
        let isUntouched =
            counts.done.bytes + counts.done.files + counts.done.directories + counts.done.failed
            == 0
        return state == .failed && isUntouched ? fault : nil
    }

    /// One line of progress.
    var summary: String { info.summary }

    /// Its line in a list.
    func info(for caller: Caller) -> CommandInfo {
        let preview = "file_transfer \(source) \(target):\(destination)"
        var info = CommandInfo(
            commandID: id, target: target, owner: caller.owns(owner) ? nil : owner.label,
            command: String(preview.prefix(200)), state: state)
        info.durationMS = self.info.durationMS
        return info
    }
}

extension Fault.Code {
    /// Whether it is a connection that broke, so that the same call may go on.
    fileprivate var isBreak: Bool {
        [.linkLost, .timedOut, .unavailable, .agentOffline, .unreachable].contains(self)
    }
}
