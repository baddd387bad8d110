// From a call's bytes to the part that serves it, and back. Invariant: every call is answered,
// by a result or by a fault with a sentence that says what to do.
import JSON
import Loop
import Wire

/// Routes the relay's calls.
@IO final class Dispatcher {
    /// Serves one method: the caller and the arguments in, the result out.
    typealias Handler = @IO (Caller, Fields) async throws(Fault) -> JSON

    /// The agent's name and id at the relay, for the targets and handles in results.
    var agentName = "agent"
    /// Asked before every call; a rule's name refuses it.
    var refusal: @IO (Method) -> String? = { _ in nil }
    /// The id handles begin with.
    var agentID = "agent"
    private var handlers: [String: Handler] = [:]

    /// Serves `method` with `handler`.
    func serve(_ method: Method, _ handler: @escaping Handler) {
        handlers[method.rawValue] = handler
    }

    /// Answers one call.
    func answer(_ bytes: [UInt8]) async -> [UInt8] {
        do throws(Fault) {
            let request = try Request(decoding: bytes)
            guard let handler = handlers[request.method] else {
                throw Fault(.unknownMethod, "this agent does not know \(request.method); update it")
            }
            if let method = Method(rawValue: request.method), let rule = refusal(method) {
                throw .refused(method.tool ?? method.rawValue, by: rule)
            }
            let result = try await handler(request.caller, try Fields(request.arguments))
            return Reply.result(RawJSON(result)).encoded()
        } catch {
            return Reply.fault(error).encoded()
        }
    }
}
