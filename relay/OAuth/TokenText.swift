// The texts of tokens: the first pair is random, the next ones follow from the refresh token before
// them and a salt. Pure. Invariant: who lacks a pair's salt, or the refresh token before it, cannot
// tell any token of the pair; who has both may ask for the same pair again. The store keeps a salt
// only as long as an answer is repeated (`RefreshToken.grace`).
import Crypto

/// A pair of tokens as its client gets it.
struct TokenText: Sendable {
    let access, refresh: String

    /// The bytes of a salt: as many as HMAC-SHA-256 has in its result, so that nobody guesses one.
    static let saltSize = 32

    /// The first pair of a family.
    init() {
        access = AccessToken.prefix + Base64.encodeURL(Random.bytes(32))
        refresh = RefreshToken.prefix + Base64.encodeURL(Random.bytes(32))
    }

    /// The pair that follows a refresh token: the same one for the same random salt, so that a lost
    /// answer can be repeated without storing it.
    init(after refresh: String, salt: [UInt8]) {
        func next(_ kind: String) -> String {
            kind + Base64.encodeURL(HMAC.sha256(key: salt, Array("\(kind) \(refresh)".utf8)))
        }
        access = next(AccessToken.prefix)
        self.refresh = next(RefreshToken.prefix)
    }

    /// What is stored.
    var hashes: TokenPair {
        TokenPair(access: TokenRecord.hash(of: access), refresh: TokenRecord.hash(of: refresh))
    }
}
