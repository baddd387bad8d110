// From a call's bytes to the part that serves it, and back. Invariant: every call is answered,
// by a result or by a fault with a sentence that says what to do.
import JSON
import Loop
import Wire

/// Routes the relay's calls.
@IO final class Dispatcher {
    /// Serves one method: the caller and the arguments in, the result out.
    typealias Handler = @IO (Caller, Fields) async throws(Fault) -> JSON

    /// The site's rules, asked before every call.
    var policy: @IO () -> Policy = { Policy() }
    /// The calls that wait, whose progress may be asked for.
    let watch = CallWatch()
    private var handlers: [String: Handler] = [:]

    init() {
        serve(.progress) { [watch] (caller, fields) throws(Fault) in
            watch.progress(of: try AskProgress(fields).call, caller).json
        }
    }

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
            let policy = policy()
            if let method = Method(rawValue: request.method), let rule = policy.refusal(of: method)
            {
                throw .refused(method.tool ?? method.rawValue, by: rule)
            }
            // A file's content is output too; there the limit has another name.
            let name = request.method == Method.readFile.rawValue ? "length" : "max_bytes"
            let fields = try Self.limited(name, try Fields(request.arguments), by: policy)
            return Reply.result(RawJSON(try await handler(request.caller, fields))).encoded()
        } catch {
            return Reply.fault(error).encoded()
        }
    }

    /// The arguments with no more output asked for than the site lets out in one answer.
    private static func limited(
        _ name: String, _ fields: Fields, by policy: Policy
    ) throws(Fault) -> Fields {
        var object = fields.object
        guard let asked = object[name], !asked.isNull else {
            if policy.outputLimit < outputDefault { object[name] = JSON(policy.outputLimit) }
            return Fields(object: object)
        }
        if let bytes = asked.intValue, let rule = policy.refusal(ofOutput: Int(clamping: bytes)) {
            throw .refused("\(name) \(bytes)", by: rule)
        }
        return fields
    }

    /// What the limit is when it is not given.
    private static let outputDefault = 20_000
}
