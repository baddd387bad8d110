// The requests that this server has sent to one legacy client and that wait for its response. Flow:
// handler → ask → the call's stream → the client → a POST or a line → receive. Invariant: bounded;
// every wait ends at its deadline or with the call; a response counts once, and only for the client
// that was asked.
import Crypto
import JSON
import Loop

@IO final class ServerRequests {
    /// What was asked together; the call waits for all of it.
    private final class Round {
        var replies: [String: Inquiry.Reply] = [:]
        let changed = Condition()
    }

    /// Sends this client what belongs to no running call.
    let announce: @IO ([UInt8]) -> Void
    private var waiting: [RequestID: (key: String, round: Round)] = [:]
    private var count = 0
    /// Begins the ids, so that a late response to an earlier process or client never fits.
    private let prefix = Hex.encode(Random.bytes(8))

    init(announce: @escaping @IO ([UInt8]) -> Void) { self.announce = announce }

    /// Asks for everything at once; returns the replies by their keys.
    ///
    /// `deliver` sends the questions: one that is dropped would keep the call until its deadline.
    func send(
        _ requests: [InputRequest], in revision: Revision, _ limits: MCPLimits.Asking,
        _ notify: Notify, deliver: Notify
    ) async throws(MCPError) -> [String: Inquiry.Reply] {
        guard waiting.count + requests.count <= limits.openRequests else {
            throw .busy("the client has \(waiting.count) questions to answer first: answer them")
        }
        let round = Round()
        var sent: [(id: RequestID, key: String)] = []
        for request in requests {
            count += 1
            let id = RequestID("\(prefix)-\(count)")
            sent.append((id, request.key))
            waiting[id] = (request.key, round)
            deliver(Envelope.request(id, request.json(in: revision)))
        }
        await round.changed.wait(until: IO.now + limits.answerWait) {
            round.replies.count == Set(sent.map(\.key)).count
        }
        for (id, key) in sent where waiting.removeValue(forKey: id) != nil {
            let seconds = limits.answerWait.components.seconds
            let reason = "the client did not answer within \(seconds) s"
            round.replies[key] = .none(reason)
            notify(
                Envelope.notification(
                    "notifications/cancelled", ["requestId": id.json, "reason": .string(reason)]))
        }
        return round.replies
    }

    /// Takes a response; one that nobody waits for is dropped.
    func receive(_ response: ClientResponse) {
        guard let id = response.id, let (key, round) = waiting.removeValue(forKey: id) else {
            return
        }
        switch response.outcome {
        case .result(let result): round.replies[key] = .result(result)
        case .error(let message): round.replies[key] = .none("the client failed: \(message)")
        }
        round.changed.broadcast()
    }
}

/// A client's response to a request of the server.
struct ClientResponse: Sendable, Equatable {
    enum Outcome: Sendable, Equatable {
        case result(JSON)
        case error(String)
    }

    let id: RequestID?
    let outcome: Outcome
}
