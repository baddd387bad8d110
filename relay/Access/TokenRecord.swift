// A bearer token as it is kept: never its text, which only the client has.

import Crypto
import Wire

/// A bearer token, without its text.
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
    /// What every token begins with, so that scanners of leaked secrets can know one.
    static let prefix = "hlt_"

    /// The digest a token is stored and found by.
    static func hash(of token: String) -> [UInt8] { SHA256.hash(Array(token.utf8)) }
}
