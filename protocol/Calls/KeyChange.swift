// `agent.offer_key` and `agent.use_key`: an agent gets a new key without joining again. The relay
// makes these calls for itself, over a tunnel that the agent opened with its present key.
// Invariant: at every moment one of the agent's keys is known to both ends, whichever of the two
// calls, replies, processes or machines is lost.
public import JSON

/// The arguments of `agent.offer_key`.
public struct OfferKey: CallArguments, Equatable {
    /// Fresh random bytes, 32, base64url on the wire (the caller encodes).
    public var nonce: String

    private static let nonce = Field.text("nonce", "Base64url of 32 bytes, fresh for each call.")

    static let row = MethodRow(
        does: "asks the agent for its next key, which it makes and keeps beside its present one",
        deadline: Deadline(.seconds(10)), changesTargets: false,
        arguments: [nonce.declaration], result: OfferedKey.members)

    /// Asks for a key.
    public init(nonce: String) { self.nonce = nonce }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { nonce = try fields[Self.nonce] }

    /// The arguments.
    public var json: JSON {
        var members = Members()
        members.put(Self.nonce, nonce)
        return members.json
    }
}

/// The result of `agent.offer_key`.
public struct OfferedKey: Sendable, Equatable {
    /// The Ed25519 public key, base64url.
    public var publicKey: String
    /// The signature over `Contract.keyMessage`, base64url.
    public var signature: String

    private static let publicKey = Field.text(
        "public_key",
        "Base64url of 32 bytes: the agent's next Ed25519 key; the same one until it is used.")
    private static let signature = Field.text(
        "signature", "Base64url of 64 bytes: Ed25519, by that key, over the bytes below.")

    static let members = [publicKey.declaration, signature.declaration]

    /// A key with its proof.
    public init(publicKey: String, signature: String) {
        self.publicKey = publicKey
        self.signature = signature
    }

    /// Reads the result.
    public init(_ fields: Fields) throws(Fault) {
        publicKey = try fields[Self.publicKey]
        signature = try fields[Self.signature]
    }

    /// The result.
    public var json: JSON {
        var members = Members()
        members.put(Self.publicKey, publicKey)
        members.put(Self.signature, signature)
        return members.json
    }
}

/// The arguments of `agent.use_key`.
public struct UseKey: CallArguments, Equatable {
    /// The Ed25519 public key, base64url, that the relay has stored.
    public var publicKey: String

    private static let publicKey = Field.text(
        "public_key", "The key from agent.offer_key, which the relay has stored.")

    static let row = MethodRow(
        does:
            "has the agent put its next key in the place of its present one, and store that, "
            + "before it replies; the relay forgets the former key then",
        deadline: Deadline(.seconds(10)), changesTargets: false,
        arguments: [publicKey.declaration])

    /// Asks for the use of a key.
    public init(publicKey: String) { self.publicKey = publicKey }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { publicKey = try fields[Self.publicKey] }

    /// The arguments.
    public var json: JSON {
        var members = Members()
        members.put(Self.publicKey, publicKey)
        return members.json
    }
}
