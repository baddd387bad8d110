// Progress of one request, sent while it runs. Flow: handler → reporter → the request's stream.
// Invariant: values strictly increase, never more often than the limit, and nothing is sent once
// the request has finished.
import JSON
public import Loop

/// Reports a request's progress to the client; reports that come too fast are merged.
@IO public final class ProgressReporter {
    private let token: RequestID
    private let limits: MCPLimits
    private let send: Notify
    private var last = -1.0
    private var lastMessage: String?
    private var sentAt: ContinuousClock.Instant
    private var sentAny = false
    private var pending: Report?
    private var timer: LoopTimer?
    private var isFinished = false

    private struct Report {
        var progress: Double
        var total: Double?
        var message: String?
    }

    init(_ token: RequestID, _ limits: MCPLimits, _ send: @escaping Notify) {
        self.token = token
        self.limits = limits
        self.send = send
        sentAt = IO.now
    }

    /// Reports progress, such as bytes so far, with one readable line.
    public func report(_ progress: Double, total: Double? = nil, message: String? = nil) {
        guard !isFinished, progress.isFinite else { return }
        let report = Report(progress: progress, total: total, message: message)
        let wait = sentAny ? limits.progress.interval - (IO.now - sentAt) : .zero
        guard wait > .zero else {
            pending = nil
            return emit(report)
        }
        pending = report
        if timer == nil {
            timer = LoopTimer(after: wait) { [weak self] in self?.flush() }
        }
    }

    /// Ends reporting; the result contains what was not sent.
    func finish() {
        isFinished = true
        pending = nil
        timer?.cancel()
        timer = nil
    }

    private func flush() {
        timer = nil
        guard !isFinished, let report = pending else { return }
        pending = nil
        emit(report)
    }

    private func emit(_ report: Report) {
        // A repeated or smaller value (a heartbeat, a new message) still has to increase.
        let value = report.progress > last ? report.progress : max(last + 0.001, last.nextUp)
        last = value
        sentAny = true
        sentAt = IO.now
        lastMessage = report.message ?? lastMessage
        var params: JSON.Object = [
            "progressToken": token.json, "progress": .double(value),
        ]
        if let whole = Int64(exactly: value) { params["progress"] = .int(whole) }
        if let total = report.total, total.isFinite {
            params["total"] = Int64(exactly: total).map(JSON.int) ?? .double(total)
        }
        params["message"] = report.message.map { .string(clipped($0)) }
        send(Envelope.notification("notifications/progress", params))
    }

    private func clipped(_ message: String) -> String {
        message.utf8.count <= limits.progress.messageCharacters
            ? message : String(message.prefix(limits.progress.messageCharacters))
    }
}

extension ProgressReporter: Beating {
    func beat(_ now: ContinuousClock.Instant) {
        guard !isFinished, pending == nil, now - sentAt >= limits.progress.heartbeat else { return }
        emit(Report(progress: max(last, 0), total: nil, message: lastMessage))
    }
}
