// What one run of a handler knows about the client's answers. Flow: RequestState or ServerRequests
// → Inquiry → `ask`. Invariant: `ask` returns only answers that were asked for and fit; it throws
// as long as one is outstanding, so that no handler waits inside a call.
import JSON
import Loop

@IO final class Inquiry {
    /// What the client sent for one key.
    enum Reply: Sendable {
        /// A result, which is not yet checked.
        case result(JSON)
        /// Nothing, for this reason.
        case none(String)
    }

    private let capabilities: ClientCapabilities
    private let revision: Revision
    private let replies: [String: Reply]
    /// The replies that the handler has used in this run.
    private var settled: [String: Reply] = [:]
    /// Uses up the state that the answers came with.
    private let spend: (@IO () throws(MCPError) -> Void)?
    /// Whether this run has used the state up: it does so once, however often its handler asks.
    private var hasSpent = false
    /// What the handler kept when it asked.
    nonisolated let kept: JSON?

    nonisolated init(
        _ capabilities: ClientCapabilities, _ revision: Revision, replies: [String: Reply] = [:],
        kept: JSON? = nil, spend: (@IO () throws(MCPError) -> Void)? = nil
    ) {
        self.capabilities = capabilities
        self.revision = revision
        self.replies = replies
        self.kept = kept
        self.spend = spend
    }

    func require(_ features: [ClientFeature]) throws(Interruption) {
        let missing = features.filter { !capabilities.has($0) }
        guard missing.isEmpty else { throw .failed(.missingCapability(missing)) }
    }

    func ask(
        _ requests: [InputRequest], keeping kept: JSON?, once: Bool
    ) throws(Interruption) -> InputResponses {
        try require(requests.map(\.feature))
        var responses: [String: InputResponse] = [:]
        var outstanding: [InputRequest] = []
        for request in requests {
            switch replies[request.key] {
            case nil: outstanding.append(request)
            case .none(let reason)?: responses[request.key] = .unanswered(reason)
            case .result(let result)?:
                switch try read(result, request) {
                case .fits(let response): responses[request.key] = response
                case .unfit(let problem): outstanding.append(request.again(because: problem))
                }
            }
            if responses[request.key] != nil { settled[request.key] = replies[request.key] }
        }
        guard outstanding.isEmpty else {
            throw .needsInput(
                InputRound(
                    requests: outstanding, settled: settled, kept: kept ?? self.kept))
        }
        if once, !hasSpent, let spend {
            do throws(MCPError) { try spend() } catch { throw .failed(error) }
            hasSpent = true
        }
        return InputResponses(responses)
    }

    private func read(
        _ result: JSON, _ request: InputRequest
    ) throws(Interruption) -> InputReading {
        do throws(MCPError) { return try request.read(result, in: revision) } catch {
            throw .failed(error)
        }
    }
}
