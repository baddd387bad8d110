// The authorization codes that are out: each good once, for a minute. Pure. Flow: a person's
// consent → issue → the client's browser → the client → redeem. Invariant: a code is used up by its
// first use, whatever comes of it; a second use is told, with the grant that the first one made.
//
// They are in memory alone: a code that a restart has lost is asked for again, by a client that is
// still waiting at its browser.
import Crypto

/// What a code stands for.
struct CodeTicket: Sendable {
    let client: OAuthClient
    /// The redirect URI that the code went to.
    let redirect: String
    let challenge: String
    /// What the person has allowed.
    let grant: GrantRecord
}

/// The codes that are out: a value without a clock.
struct CodeBook {
    /// What becomes of a code.
    enum Use {
        case good(CodeTicket)
        /// It was used before, for this grant.
        case again(grant: String)
        case unknown
    }

    /// How long a code is good, in seconds: a redirect and one request.
    static let lifetime: Int64 = 60
    /// How long a used code is remembered after the time in which it is good, in seconds.
    ///
    /// A copy that comes within this time still ends the grant; a later one is only refused.
    static let memory: Int64 = 3600
    /// The most codes that are remembered: each needs a person's consent.
    static let limit = 4096

    private struct Entry {
        let ticket: CodeTicket
        let expires: Int64
        var isUsed = false
    }

    private var entries: [[UInt8]: Entry] = [:]

    /// The number of codes that are remembered.
    var count: Int { entries.count }

    /// A new code.
    mutating func issue(_ ticket: CodeTicket, at now: Int64) -> String {
        forget(now)
        let code = Base64.encodeURL(Random.bytes(32))
        entries[Self.hash(code)] = Entry(ticket: ticket, expires: now + Self.lifetime)
        return code
    }

    /// Uses a code up.
    mutating func redeem(_ code: String, at now: Int64) -> Use {
        let hash = Self.hash(code)
        guard let entry = entries[hash],
            now < entry.expires + (entry.isUsed ? Self.memory : 0)
        else { return .unknown }
        if entry.isUsed { return .again(grant: entry.ticket.grant.id) }
        entries[hash]?.isUsed = true
        return .good(entry.ticket)
    }

    private mutating func forget(_ now: Int64) {
        entries = entries.filter { $0.value.expires + Self.memory > now }
        while entries.count >= Self.limit,
            let oldest = entries.min(by: { $0.value.expires < $1.value.expires })
        {
            entries[oldest.key] = nil
        }
    }

    private static func hash(_ code: String) -> [UInt8] { SHA256.hash(Array(code.utf8)) }
}
