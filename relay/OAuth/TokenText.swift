// The texts of tokens: the first pair is random, the next ones follow from the refresh token before
// them. Pure. Invariant: who has no refresh token of a family, or not the relay's key, cannot tell
// any token of it; who has both may ask for the same pair again.
import Crypto

/// A pair of tokens as its client gets it.
struct TokenText: Sendable {
    let access, refresh: String

    /// The first pair of a family.
    init() {
        access = AccessToken.prefix + Base64.encodeURL(Random.bytes(32))
        refresh = RefreshToken.prefix + Base64.encodeURL(Random.bytes(32))
    }

    /// The pair that follows a refresh token: the same one whenever it is asked for, so that a lost
    /// answer can be repeated without storing it.
    init(after refresh: String, key: [UInt8]) {
        func next(_ kind: String) -> String {
            kind + Base64.encodeURL(HMAC.sha256(key: key, Array("\(kind) \(refresh)".utf8)))
        }
        access = next(AccessToken.prefix)
        self.refresh = next(RefreshToken.prefix)
    }

    /// What is stored.
    var hashes: TokenPair {
        TokenPair(access: TokenRecord.hash(of: access), refresh: TokenRecord.hash(of: refresh))
    }
}
