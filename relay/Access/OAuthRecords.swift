// What the store keeps of OAuth: clients, what people have granted them, and the access tokens that
// are in use. Values. Invariant: a token's text is nowhere in them, only its hash.
import Loop
import Wire

/// A program that people can let act for them.
struct OAuthClient: Sendable, Equatable {
    /// How the relay knows it.
    enum Origin: String, Sendable {
        /// It has registered itself (RFC 7591): all it says of itself is unproven.
        case registered
        /// The operator has added it.
        case added
        /// Its id is the URL of a document that says what it is (client id metadata document).
        case document
    }

    let id: String
    /// The name that it gives itself, or the operator gives it.
    let name: String
    let redirects: [RedirectURI]
    let origin: Origin
    var created: Int64 = 0
    /// When it last got a token; nil: never.
    var lastUsed: Int64?

    /// The prefix of ids that the relay gives.
    static let prefix = "hlc_"
    /// The longest name in characters.
    static let nameLimit = 80

    /// Whether a text can be the name that an operator gives one.
    static func isName(_ text: String) -> Bool {
        (1...nameLimit).contains(text.count) && text.plain(keepsLines: false) == text
    }
}

/// What a person has allowed a client: the family of all tokens that come of one consent.
struct GrantRecord: Sendable, Equatable {
    let id: String
    /// The id of the person.
    let person: String
    /// The id of the client.
    let client: String
    let clientName: String
    let scopes: Set<Scope>
    let pattern: AccessPattern
    /// What its tokens are for (RFC 8707): the URL of this relay's MCP endpoint then.
    let resource: String
    let created: Int64
    var lastUsed: Int64?
    var revoked: Int64?

    /// The rights of the grant within those of its person.
    ///
    /// Both must allow: a person who has lost a right has lost it through every client, and `admin`
    /// stands for every scope on either side.
    func principal(of person: Person) -> Principal {
        let whole = person.principal
        let held =
            scopes.contains(.admin)
            ? person.scopes : scopes.filter { whole.holds([$0]) }
        return Principal(
            id: person.id, name: person.name, scopes: held,
            pattern: pattern.within(person.pattern), grant: id, client: clientName)
    }
}

/// An access token in use.
struct AccessToken: Sendable, Equatable {
    /// SHA-256 of its text.
    let hash: [UInt8]
    let grant: String
    /// From then on it is not taken; seconds since 1970.
    let expires: Int64

    /// The prefix of their texts, so that scanners for leaked secrets can recognise one.
    static let prefix = "hla_"
    /// How long one is good for.
    static let lifetime: Int64 = 3600
    /// The most of one grant that are good at once: a client that refreshes at several places has a
    /// few; the oldest end.
    static let share = 8
}

/// A refresh token's constants; the store has only hashes.
enum RefreshToken {
    /// The prefix of their texts.
    static let prefix = "hlr_"
    /// How long one is good for.
    static let lifetime: Int64 = 30 * 86_400
    /// How long the token before the newest gets the same answer again.
    ///
    /// A client whose answer was lost asks again in seconds. Clients with several processes keep a
    /// copy in each, and all of them refresh within minutes, as the access token that they share
    /// ends for all at once. Without this span each such moment ends the grant (claude-code issues
    /// 74250, 84440, 85236; opencode 34074; fastmcp 4901). RFC 9700 §4.14.2 asks for rotation and
    /// for the end of the family on reuse, and leaves the span to the server: a thief who refreshes
    /// at another time than the client is found by whoever comes second, and 10 minutes of each
    /// hour leave that likely.
    static let grace: Int64 = 600
    /// The most used ones of a grant that are kept to recognise their reuse: those of 41 days, more
    /// than one lives, for a client that refreshes hourly.
    static let kept: Int64 = 1000
}
