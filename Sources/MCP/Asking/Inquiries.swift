// What a server needs to ask its clients: keys, the states that were used up, and the visits to
// pages that are under way. Flow: MCPServer+Asking. Invariant: bounded; a state that must count
// once never counts twice, even if that means to refuse one.
import Crypto
import JSON
import Loop

@IO final class Inquiries {
    private let limits: MCPLimits.Asking
    private var keys: StateKeys
    private var spent: SpentStates
    private var pages: [String: Page] = [:]

    /// A visit to a page that a legacy client was asked for.
    private struct Page {
        weak var client: ServerRequests?
        let expiry: Int64
    }

    init(_ keys: StateKeys, _ limits: MCPLimits.Asking) {
        self.keys = keys
        self.limits = limits
        spent = SpentStates(mostPerPrincipal: limits.spentStates)
    }

    func rotate(to keys: StateKeys) { self.keys = keys }

    /// The sealed state for a further round.
    func seal(
        _ round: InputRound, _ request: Request, after last: RequestState?, digest: String,
        at now: Int64
    ) throws(MCPError) -> String {
        let number = (last?.round ?? 0) + 1
        guard number <= limits.rounds else { throw .tooManyRounds(limits.rounds) }
        var settled: JSON.Object = [:]
        for (key, reply) in round.settled {
            if case .result(let result) = reply { settled[key] = result }
        }
        let state = RequestState(
            nonce: Base64.encodeURL(Random.bytes(12)), principal: request.caller.principal.name,
            method: request.method, digest: digest, round: number,
            expiry: now + limits.lifetime.components.seconds,
            asked: round.requests.map(\.key), settled: settled, kept: round.kept)
        let plain = state.json.encoded()
        guard plain.count <= limits.stateBytes else {
            throw .invalidParams(
                "the answers so far are longer than \(limits.stateBytes) bytes: send shorter ones")
        }
        return keys.seal(plain)
    }

    /// The state that a request brings; throws if it is not from here, or not for this request.
    func open(
        _ text: String, _ request: Request, digest: String, at now: Int64
    ) throws(MCPError) -> RequestState {
        // A longer text was not sealed here: base64 writes three bytes as four.
        guard text.utf8.count <= 2 * limits.stateBytes, let plain = keys.open(text),
            let json = try? JSON(parsing: plain),
            let state = RequestState(json), state.method == request.method,
            state.principal == request.caller.principal.name
        else {
            throw .invalidParams(
                "requestState is not one that this server gave out: call again without it")
        }
        guard state.digest == digest else {
            throw .invalidParams(
                "requestState belongs to other parameters: send those of the first call again")
        }
        guard state.expiry > now else {
            throw .invalidParams("requestState has expired: call again without it")
        }
        return state
    }

    /// Uses a state up; throws if it was used before.
    func spend(_ state: RequestState, at now: Int64) throws(MCPError) {
        try spent.spend(state, at: now)
    }

    /// Remembers whom to tell when the visits to pages among `requests` are over.
    func note(_ requests: [InputRequest], of client: ServerRequests, at now: Int64) {
        for request in requests {
            guard case .page(_, let id) = request.kind else { continue }
            if pages.count >= limits.pages {
                pages = pages.filter { $0.value.client != nil && $0.value.expiry > now }
            }
            guard pages.count < limits.pages else { return }
            pages[id] = Page(client: client, expiry: now + limits.lifetime.components.seconds)
        }
    }

    /// Tells the client that was asked for this visit that it is over.
    func complete(page id: String) {
        guard let page = pages.removeValue(forKey: id) else { return }
        page.client?.announce(
            Envelope.notification(
                "notifications/elicitation/complete", ["elicitationId": .string(id)]))
    }
}

extension MCPError {
    static func tooManyRounds(_ count: Int) -> MCPError {
        .invalidParams(
            "this call has asked its client \(count) times, and not all answers fit: call again")
    }
}
