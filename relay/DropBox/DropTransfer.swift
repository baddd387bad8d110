// One transfer from a target into the drop-box: what has come, and how it ends.
// Invariant: it ends exactly once, and what it calls done is whole in the drop-box.
import Crypto
import Loop
import Wire

/// A transfer into the drop-box.
@IO final class DropTransfer {
    /// What begins the id of such a transfer: no agent has it.
    nonisolated static let prefix = TransferFiles.relay + "."
    /// Random characters of an id, 30 bits: at most 256 transfers are known at once.
    private nonisolated static let randomCharacters = 6

    let id = prefix + Store.newID().prefix(DropTransfer.randomCharacters)
    /// The principal to whom it belongs.
    let owner: String
    private let source: String
    private let started = IO.now
    private(set) var ended: ContinuousClock.Instant?
    private var fault: Fault?
    /// The file's name, once it is known.
    var name: String?
    /// Its size, once it is known.
    var total: Int?
    /// The bytes that have come.
    var bytes = 0
    private var whole: (record: DropRecord, url: String)?
    /// Ends the work.
    var stop: (@IO () -> Void)?
    private var isCancelled = false
    private let changed = Condition()

    init(owner: String, source: String) { (self.owner, self.source) = (owner, source) }

    /// The file is whole, and has this URL.
    func finish(_ record: DropRecord, url: String) {
        whole = (record, url)
        end()
    }

    /// It has failed.
    func fail(_ fault: Fault) {
        self.fault = fault
        end()
    }

    /// Ends it; what has come is removed.
    func cancel() {
        guard ended == nil else { return }
        isCancelled = true
        stop?()
    }

    private func end() {
        ended = IO.now
        stop = nil
        changed.broadcast()
    }

    /// Waits for its end.
    func wait(until end: ContinuousClock.Instant) async {
        await changed.wait(until: end, asAsked: true) { ended != nil }
    }

    /// The fault of one that has failed before anything came.
    var obstacle: Fault? { bytes == 0 && !isCancelled ? fault : nil }

    /// What it has done so far.
    var info: TransferInfo {
        let state: RunState =
            whole != nil
            ? .done : fault == nil ? .running : isCancelled ? .cancelled : .failed
        var info = TransferInfo(
            commandID: id, target: TransferFiles.relay, source: source, state: state)
        info.path = whole?.record.name ?? name
        info.total = total.map { (1, $0) }
        info.done.bytes = bytes
        info.done.files = whole == nil ? 0 : 1
        info.sha256 = whole?.record.sha256.map { Hex.encode($0) }
        info.note =
            isCancelled && fault != nil
            ? "it was cancelled: the same call begins anew" : fault?.message
        info.setTime((ended ?? IO.now) - started, isOver: ended != nil)
        return info
    }

    /// The URL of the file, as the answer shows it.
    var link: DropLink? {
        whole.map { DropLink(url: $0.url, expires: $0.record.end) }
    }
}
