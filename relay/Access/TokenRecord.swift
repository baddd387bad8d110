// A bearer token as it is stored: without its text, which only the client has.

import Crypto
import Wire

/// Whose a stored token is and what it may do.
struct TokenRecord: Sendable, Equatable {
    let id: String
    let name: String
    /// SHA-256 of the token's text.
    let hash: [UInt8]
    let scopes: Set<Scope>
    let pattern: AccessPattern
    let created: Int64
    var lastUsed: Int64?
    var revoked: Int64?
}

extension TokenRecord {
    /// The prefix of every token, so that scanners for leaked secrets can recognise one.
    static let prefix = "hlt_"

    /// The digest under which a token is stored and found.
    static func hash(of token: String) -> [UInt8] { SHA256.hash(Array(token.utf8)) }
}
