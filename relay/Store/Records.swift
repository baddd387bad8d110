// What the store keeps, as values. Times are whole seconds since 1970.

import Wire

/// An agent that has joined.
struct AgentRecord: Sendable, Equatable {
    let id: String
    var name: String
    /// Its Ed25519 key, 32 bytes.
    var publicKey: [UInt8]
    /// The key before this one, until the agent has shown that it uses this one.
    var formerKey: [UInt8]?
    /// When the key was stored; 0 asks for another one.
    var keyMade: Int64 = 0
    /// The tags that the operator gave it: patterns of tokens name them.
    var tags: [String]
    /// The tags that it gave itself when it joined, for people; they grant nothing.
    var ownTags: [String] = []
    var purpose: String
    let created: Int64
    var lastSeen: Int64?
    /// What it last said of its machine; nil if it has said nothing yet.
    var facts: AgentFacts?
    /// When its name, tags or purpose were last changed; nil: never.
    var changed: Int64?
    /// Who changed them.
    var changedBy: String?
    var revoked: Int64?
}

/// A permission to join, for one agent or for a number of them.
struct InvitationRecord: Sendable, Equatable {
    let id: String
    /// The name the agent will have; nil lets the host's name decide.
    ///
    /// Several agents get numbers: `web-1`, `web-2`.
    let name: String?
    let tags: [String]
    let purpose: String
    let expires: Int64
    /// How many agents may join by it.
    var uses = 1
    /// How many have joined.
    var used = 0
    /// Who made it.
    var madeBy = ""
    /// The agent as which the machine joins again; nil: as a new one.
    var rejoins: String?
}

/// A file of the drop-box.
struct DropRecord: Sendable, Equatable {
    let id: String
    /// The principal to whom it belongs.
    let owner: String
    let name: String
    var state: DropInfo.State
    /// Its bytes, or those for which room was made.
    var size: Int
    var sha256: [UInt8]?
    /// The most bytes that it may have.
    let room: Int
    let created: Int64
    let expires: Int64

    /// Whether it is to go, whatever its state.
    func isOver(at now: Int64) -> Bool { now >= expires }
}

/// What a URL of the drop-box is for.
enum DropDirection: String, Sendable {
    case download, upload
}

/// Why a URL of the drop-box leads nowhere any more.
enum DropURLEnd: String, Sendable, CaseIterable {
    /// The upload is complete.
    case used
    /// Its time is over.
    case expired
    /// The file was deleted.
    case deleted
    /// Another file has taken the name.
    case replaced
    /// Another URL of the file was made.
    case renewed
    /// The owner's token was revoked.
    case revoked
}
