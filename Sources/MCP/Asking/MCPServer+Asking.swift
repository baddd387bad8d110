// How a call is answered that may ask its client first. Flow: request → state and answers → handler
// → result, or a further round: `input_required` (modern), requests on the call's stream (legacy).
// Invariant: between two rounds the server remembers nothing of a modern call; a legacy call waits
// at most for the limit of each round.
import JSON
import Loop

/// What came of a handler.
enum Settled<Value: Sendable>: Sendable {
    case done(Value)
    /// The whole reply, which asks the client.
    case needsInput([UInt8])
}

extension MCPServer {
    /// Replaces the keys that seal the state between two rounds.
    public func rotate(stateKeys: StateKeys) { inquiries.rotate(to: stateKeys) }

    /// Tells the client that was sent to a page that the visit is over.
    ///
    /// `id` is that of the `InputRequest`. Only clients of revision 2025-11-25 get a notice of it;
    /// the client of a later revision calls again, and gets the result.
    public func elicitationCompleted(_ id: String) { inquiries.complete(page: id) }

    /// Runs a handler, in as many rounds as it asks.
    func settle<Value: Sendable>(
        _ request: Request, _ progress: ProgressReporter? = nil, _ notify: @escaping Notify,
        _ handler: @IO (CallContext) async throws(Interruption) -> Value
    ) async throws(MCPError) -> Settled<Value> {
        let isModern = request.caller.revision.isModern
        return isModern
            ? try await settleModern(request, progress, notify, handler)
            : .done(try await settleLegacy(request, progress, notify, handler))
    }

    private func settleModern<Value: Sendable>(
        _ request: Request, _ progress: ProgressReporter?, _ notify: @escaping Notify,
        _ handler: @IO (CallContext) async throws(Interruption) -> Value
    ) async throws(MCPError) -> Settled<Value> {
        let caller = request.caller
        var state: RequestState?
        if let text = try request.params.optionalString("requestState") {
            state = try inquiries.open(
                text, request, digest: await digest(of: request), at: WallClock.seconds)
        }
        let inquiry = Inquiry(
            caller.capabilities, caller.revision, replies: try await replies(request, after: state),
            kept: state?.kept,
            spend: { [inquiries] () throws(MCPError) in
                guard let state else {
                    throw .invalidParams("requestState is missing: send it with the answers")
                }
                try inquiries.spend(state, at: WallClock.seconds)
            })
        let round: InputRound
        do throws(Interruption) {
            let log = CallLog(request, logging, notify)
            return .done(
                try await handler(CallContext(request, progress: progress, log: log, inquiry)))
        } catch {
            switch error {
            case .failed(let error): throw error
            case .needsInput(let needed): round = needed
            }
        }
        let sealed = try inquiries.seal(
            round, request, after: state, digest: await digest(of: request), at: WallClock.seconds)
        return .needsInput(
            result(
                request,
                [
                    "inputRequests": round.requests.json(in: caller.revision),
                    "requestState": .string(sealed),
                ], type: "input_required"))
    }

    /// The digest of the request's parameters, made beside the loop if they are long.
    private func digest(of request: Request) async -> String {
        let params = request.params
        return await Blocking.run(ifLong: params.messageBytes) { params.digest }
    }

    /// The answers of earlier rounds and those that came now; what was not asked for is ignored.
    private func replies(
        _ request: Request, after state: RequestState?
    ) async throws(MCPError) -> [String: Inquiry.Reply] {
        var replies: [String: Inquiry.Reply] = [:]
        for (key, result) in state?.settled ?? [:] { replies[key] = .result(result) }
        for (key, result) in try await inputResponses(of: request) {
            guard state?.asked.contains(key) ?? true else { continue }
            replies[key] = .result(result)
        }
        return replies
    }

    private func settleLegacy<Value: Sendable>(
        _ request: Request, _ progress: ProgressReporter?, _ notify: @escaping Notify,
        _ handler: @IO (CallContext) async throws(Interruption) -> Value
    ) async throws(MCPError) -> Value {
        let caller = request.caller
        var replies: [String: Inquiry.Reply] = [:]
        var kept: JSON?
        for _ in 0...limits.asking.rounds {
            let inquiry = Inquiry(
                caller.capabilities, caller.revision, replies: replies, kept: kept)
            do throws(Interruption) {
                let log = CallLog(request, logging, notify)
                return try await handler(
                    CallContext(request, progress: progress, log: log, inquiry))
            } catch {
                switch error {
                case .failed(let error): throw error
                case .needsInput(let round):
                    kept = round.kept
                    replies = round.settled
                    let new = try await ask(round.requests, for: request, notify)
                    replies.merge(new) { $1 }
                }
            }
        }
        throw .tooManyRounds(limits.asking.rounds)
    }

    private func ask(
        _ requests: [InputRequest], for request: Request, _ notify: @escaping Notify
    ) async throws(MCPError) -> [String: Inquiry.Reply] {
        let cancelled = MCPError.ended("the call was cancelled while it asked")
        guard !Task.isCancelled else { throw cancelled }
        guard let client = request.caller.legacy?.asked else {
            throw .missingCapability(requests.map(\.feature))
        }
        inquiries.note(requests, of: client, at: WallClock.seconds)
        let replies = try await client.send(
            requests, in: request.caller.revision, limits.asking, notify,
            deliver: request.deliver ?? notify)
        guard !Task.isCancelled else { throw cancelled }
        return replies
    }
}

extension MCPServer {
    /// The member `inputResponses`, read beside the loop if it is long.
    func inputResponses(of request: Request) async throws(MCPError) -> JSON.Object {
        let params = request.params
        let length = params.raw("inputResponses")?.bytes.count ?? 0
        return try await Blocking.run(ifLong: length) { () -> Result<JSON.Object, MCPError> in
            do throws(MCPError) { return .success(try params.inputResponses()) } catch {
                return .failure(error)
            }
        }.get()
    }
}

extension Params {
    /// The client's results by their keys.
    fileprivate func inputResponses() throws(MCPError) -> JSON.Object {
        let responses = try object("inputResponses") ?? [:]
        for (key, result) in responses where result.objectValue == nil {
            throw .invalidParams("params.inputResponses[\(quoted(key))] must be an object")
        }
        return responses
    }
}
