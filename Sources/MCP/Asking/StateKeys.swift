// The keys that seal what a client carries for the server. Flow: RequestState → seal → the client →
// open → RequestState. Invariant: a text opens only if one of these keys sealed it, unchanged.
import Crypto
import JSON

/// The keys that seal the state between two rounds of a request.
///
/// Servers that share their keys can serve each other's rounds. To rotate, make a new key the
/// current one and keep the old one among the earlier ones for ten minutes.
public struct StateKeys: Sendable {
    private struct Key {
        let secret: [UInt8]
        /// Which key sealed a text: the first bytes of a digest of the secret.
        let id: [UInt8]

        init(_ secret: [UInt8]) {
            precondition(secret.count == AES256GCM.keyBytes, "a state key has 32 bytes")
            self.secret = secret
            id = Array(SHA256.hash(label + secret).prefix(StateKeys.idBytes))
        }
    }

    private let keys: [Key]

    private static let idBytes = 4
    /// Keeps what is sealed here apart from what the same key may seal elsewhere.
    private static let label = Array("mcp request state 1".utf8)

    /// Keys of 32 bytes; `current` seals, and all of them open.
    public init(current: [UInt8], earlier: [[UInt8]] = []) {
        keys = ([current] + earlier).map { Key($0) }
    }

    /// A key that lives as long as the process.
    public static func random() -> StateKeys {
        StateKeys(current: Random.bytes(AES256GCM.keyBytes))
    }

    /// A text with the id of the key, a nonce, and the sealed bytes.
    func seal(_ plain: [UInt8]) -> String {
        let (key, nonce) = (keys[0], Random.bytes(AES256GCM.nonceBytes))
        let sealed = AES256GCM.seal(
            plain, key: key.secret, nonce: nonce, binding: Self.label + key.id)
        return Base64.encodeURL(key.id + nonce + sealed)
    }

    /// The bytes that were sealed; nil for any text that is not from here.
    func open(_ text: String) -> [UInt8]? {
        let head = Self.idBytes + AES256GCM.nonceBytes
        guard let bytes = Base64.decodeURL(text), bytes.count > head,
            let key = keys.first(where: { bytes.starts(with: $0.id) })
        else { return nil }
        return AES256GCM.open(
            Array(bytes[head...]), key: key.secret, nonce: Array(bytes[Self.idBytes..<head]),
            binding: Self.label + key.id)
    }
}
