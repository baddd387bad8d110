// The requests of one stdio client or legacy session that are being answered, by their ids.
// Invariant: an id names at most one running request; a cancelled request sends nothing more,
// neither progress nor reply.
import Loop

@IO final class InFlight {
    private var running: [RequestID: Ongoing] = [:]

    /// Starts answering; the task's value is `nil` if the client cancelled the request.
    func start(
        _ request: Request, _ server: MCPServer, notify: @escaping Notify
    ) throws(MCPError) -> Task<Answer?, Never> {
        guard running[request.id] == nil else {
            throw .invalidRequest("a request with this id is still running: use a new id")
        }
        let ongoing = Ongoing(request)
        running[request.id] = ongoing
        let task = IO.task { () -> Answer? in
            let answer = await server.answer(ongoing, notify: notify)
            // The client may have cancelled the request and reused its id.
            if self.running[request.id] === ongoing { self.running[request.id] = nil }
            return answer
        }
        ongoing.stop = { task.cancel() }
        return task
    }

    /// Cancels one request; an id that is unknown or already answered is ignored.
    func cancel(_ id: RequestID) { running.removeValue(forKey: id)?.cancel() }

    /// Cancels the request that a `notifications/cancelled` message names.
    func cancel(_ message: Message) {
        guard let id = message.params.id("requestId") else { return }
        cancel(id)
    }

    /// Cancels every request of a client that has left.
    func cancelAll() {
        for id in Array(running.keys) { cancel(id) }
    }

    /// Ends the requests that last until they are told to, each with its result.
    func concludeAll() {
        for ongoing in Array(running.values) { ongoing.conclude?() }
    }

    /// Answers every request with an error.
    func failAll(_ error: MCPError) {
        for ongoing in Array(running.values) { ongoing.fail(error) }
    }
}
