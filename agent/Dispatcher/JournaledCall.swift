// What the journal knows a call by: whose it is, its key, its method and what it asks for. Pure.
import Crypto
import JSON

/// A call with a key.
struct JournaledCall: Sendable {
    /// Names a call; the keys of different principals have nothing to do with each other.
    struct Key: Hashable, Sendable {
        /// The principal's id.
        var principal: String
        /// What the relay named the call.
        var name: String
    }

    let key: Key
    let method: String
    /// Stands for the arguments, of which a password is left out: 16 hexadecimal digits.
    let digest: String
    /// Whether its reply is worth nothing once this process has ended: what it read is gone then.
    let isShortLived: Bool

    /// `salt` is a random number of the journal, so that the digest alone tells nothing.
    init(key: Key, method: String, arguments: JSON, isShortLived: Bool, salt: [UInt8]) {
        self.key = key
        self.method = method
        self.isShortLived = isShortLived
        var shown = arguments.objectValue ?? [:]
        shown["password"] = nil
        let bytes = JSON.object(shown).encoded()
        digest = Hex.encode(Array(HMAC.sha256(key: salt, bytes).prefix(8)))
    }
}
