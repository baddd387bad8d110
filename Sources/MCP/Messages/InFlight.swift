// The requests of one stdio client or legacy session that are being answered, so that they can be
// cancelled by id. Invariant: a cancelled request sends nothing more, neither progress nor reply.
import Loop

@IO final class InFlight {
    /// One running request; the flag outlives its place in the table.
    private final class Running: Sendable {
        @IO var isCancelled = false
        @IO var task: Task<Answer?, Never>?
    }

    private var running: [RequestID: Running] = [:]

    /// Starts answering; the task's value is `nil` when the request was cancelled.
    func start(
        _ request: Request, _ server: MCPServer, notify: @escaping Notify
    ) throws(MCPError) -> Task<Answer?, Never> {
        guard running[request.id] == nil else {
            throw .invalidRequest("a request with this id is still running: use a new id")
        }
        let entry = Running()
        running[request.id] = entry
        let task = IO.task { () -> Answer? in
            let answer = await server.answer(request) { message in
                if !entry.isCancelled { notify(message) }
            }
            entry.task = nil
            if entry.isCancelled { return nil }
            self.running[request.id] = nil
            return answer
        }
        entry.task = task
        return task
    }

    /// Cancels one request; an id that is unknown or already answered is ignored.
    func cancel(_ id: RequestID) {
        guard let entry = running[id] else { return }
        entry.isCancelled = true
        entry.task?.cancel()
        running[id] = nil
    }

    /// What `notifications/cancelled` names, cancelled.
    func cancel(_ message: Message) {
        guard let id = message.params.value("requestId").flatMap({ RequestID($0) }) else { return }
        cancel(id)
    }

    func cancelAll() {
        for id in Array(running.keys) { cancel(id) }
    }
}
