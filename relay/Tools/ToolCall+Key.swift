// The key that a client may give a call, so that it can send the call again after it has lost the
// answer. Pure. Invariant: equal keys of different tools or targets name different calls.
import Crypto
import JSON
import MCP
import Wire

extension ToolCall {
    /// The member of a request's `_meta` that has the client's key.
    static let keyName = "dev.homeline/idempotencyKey"
    /// The most bytes of a client's key: four times those of a UUID, and some.
    static let keyLimit = 200

    /// What names this call, or its part for one target, at an agent; nil if the client gave no
    /// key.
    func key(for part: String = "") throws(Fault) -> String? {
        guard let given = meta[Self.keyName], !given.isNull else { return nil }
        guard let text = given.stringValue, (1...Self.keyLimit).contains(text.utf8.count) else {
            throw Fault(
                .invalidArgument,
                "\"\(Self.keyName)\" must be a text of 1 to \(Self.keyLimit) bytes")
        }
        let words = [text, name, part].map { Array($0.utf8) }
        return Base64.encodeURL(SHA256.hash(Array(words.joined(separator: [0]))))
    }
}
