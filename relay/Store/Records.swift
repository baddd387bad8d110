// What the store keeps, as values. Times are whole seconds since 1970.

/// An agent that has joined.
struct AgentRecord: Sendable, Equatable {
    let id: String
    var name: String
    /// Its Ed25519 key, 32 bytes.
    var publicKey: [UInt8]
    /// The tags that the operator gave it: patterns of tokens name them.
    var tags: [String]
    /// The tags that it gave itself when it joined, for people; they grant nothing.
    var ownTags: [String] = []
    var purpose: String
    let created: Int64
    var lastSeen: Int64?
    var revoked: Int64?
}

/// A one-time permission to join.
struct InvitationRecord: Sendable, Equatable {
    let id: String
    /// The name the agent will have; nil lets the host's name decide.
    let name: String?
    let tags: [String]
    let purpose: String
    let expires: Int64
}
