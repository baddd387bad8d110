// The challenges that passkeys sign: random bytes that are good for one answer. Pure but for the
// random bytes: the caller passes the time. Invariant: a challenge is taken once, by the visit or
// session that it was made for, for what it was made for, in its lifetime; the table is bounded.
import Crypto

/// The challenges that are not answered yet.
struct Challenges {
    /// Seconds in which a person finds the device and touches it.
    static let lifetime: Int64 = 300
    /// Challenges at once: more than the rate of logins lets in within a lifetime.
    static let limit = 16_384

    /// What a challenge is for, and whose it is.
    enum Purpose: Hashable {
        /// A login; the hash of the visit's cookie.
        case login([UInt8])
        /// A passkey that is made by a link.
        case welcome([UInt8])
        /// A further passkey of a session of the page.
        case passkey(String)
    }

    private var open: [Purpose: (challenge: [UInt8], expires: Int64)] = [:]

    /// How many are open.
    var count: Int { open.count }

    /// A new challenge in place of an earlier one for the same purpose; nil: there are too many.
    mutating func make(for purpose: Purpose, now: Int64) -> [UInt8]? {
        if open.count >= Self.limit, open[purpose] == nil {
            open = open.filter { $0.value.expires > now }
            guard open.count < Self.limit else { return nil }
        }
        let challenge = Random.bytes(32)
        open[purpose] = (challenge, now + Self.lifetime)
        return challenge
    }

    /// Takes the challenge for a purpose; nil if there is none, or its time is over.
    mutating func take(for purpose: Purpose, now: Int64) -> [UInt8]? {
        guard let found = open.removeValue(forKey: purpose), now < found.expires else { return nil }
        return found.challenge
    }
}
