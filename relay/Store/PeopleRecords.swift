// What the store keeps of people beside themselves (`Person`), as values. Times are whole seconds
// since 1970.

import Crypto
import Passkeys

/// A passkey of a person.
struct PasskeyRecord: Sendable, Equatable {
    /// The most passkeys of one person: several devices of each kind.
    static let limit = 32
    /// The longest name in bytes.
    static let nameLimit = 60

    /// The id that the browser gives it.
    let id: [UInt8]
    let person: String
    /// For its owner: "Firefox on Linux".
    var name: String
    let key: PasskeyKey
    var counter: UInt32
    /// Whether it was kept elsewhere as well when it was made.
    let isBackedUp: Bool
    let created: Int64
    var lastUsed: Int64?

    /// The id as pages and forms carry it.
    var text: String { Base64.encodeURL(id) }
}

/// Where somebody is logged in: one browser, by one login.
struct PageSessionRecord: Sendable, Equatable {
    /// How long it lasts without a request: a working day with its evening.
    static let idle: Int64 = 12 * 3600
    /// How long it lasts at most.
    static let lifetime: Int64 = 7 * 86_400
    /// The most sessions of one person; beyond that the one that has rested longest ends.
    static let limit = 64

    let id: String
    /// SHA-256 of the cookie's text.
    let hash: [UInt8]
    let person: String
    /// The passkey that has opened it.
    let passkey: [UInt8]
    /// For its owner: "Firefox on Linux".
    let browser: String
    /// Where its login came from: an address, which is that of a web server before the relay.
    let peer: String
    let created: Int64
    var lastUsed: Int64

    /// Whether it counts at a moment.
    func isLive(at now: Int64) -> Bool {
        now < created + Self.lifetime && now < lastUsed + Self.idle
    }
}
