// Proof that who exchanges a code is who asked for it (RFC 7636, S256 alone). Pure.
import Crypto

/// PKCE.
enum PKCE {
    /// Whether a text can be the challenge of a verifier: SHA-256 in Base64 without padding.
    static func isChallenge(_ text: String) -> Bool {
        text.utf8.count == 43 && Base64.decodeURL(text)?.count == SHA256.byteCount
    }

    /// Whether a verifier is that of a challenge.
    static func proves(_ verifier: String, _ challenge: String) -> Bool {
        let bytes = Array(verifier.utf8)
        guard (43...128).contains(bytes.count), bytes.allSatisfy(isUnreserved) else { return false }
        let made = Base64.encodeURL(SHA256.hash(bytes))
        return ConstantTime.equal(Array(made.utf8), Array(challenge.utf8))
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }
}
