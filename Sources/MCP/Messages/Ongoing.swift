// One request that is being answered. Flow: transport → Ongoing → MCPServer → what is sent.
// Invariant: it has exactly one outcome, whichever comes first: its answer, silence after its
// client's own cancellation, or the error it was ended with.
import Loop

@IO final class Ongoing {
    private enum End {
        case cancelled
        case failed(MCPError)
    }

    let request: Request
    /// Cancels the task that works on the answer.
    var stop: (@IO () -> Void)?
    /// Has it end with its result: only a request that lasts until then has it.
    var conclude: (@IO () -> Void)?
    private var end: End?

    init(_ request: Request) { self.request = request }

    /// Whether the request has ended; what its handler still sends is dropped.
    var isOver: Bool { end != nil }

    /// Ends it at its client's request: nothing more is sent.
    func cancel() { finish(.cancelled) }

    /// Ends it with an error, which the client is sent.
    func fail(_ error: MCPError) { finish(.failed(error)) }

    private func finish(_ end: End) {
        guard self.end == nil else { return }
        self.end = end
        stop?()
        stop = nil
    }

    /// Runs `work` for the answer, unless the request is over already.
    ///
    /// Returns what to send to the client, if anything.
    func outcome(of work: @IO () async -> Answer) async -> Answer? {
        let answer = isOver ? nil : await work()
        stop = nil
        switch end {
        case nil: return answer
        case .cancelled: return nil
        case .failed(let error): return Answer(error, for: request)
        }
    }
}
