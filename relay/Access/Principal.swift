// Who a request comes from and what it may do.
import Wire

/// The caller that an MCP client's token identifies.
struct Principal: Sendable, Hashable {
    /// The id of the token, or of the person in whose name a program acts.
    ///
    /// It is never used again, and sessions belong to it.
    let id: String
    /// The name of the token or person, for people; it grants no rights.
    let name: String
    let scopes: Set<Scope>
    let pattern: AccessPattern
    /// The id of what gives these rights: the token, or one of the grants that a person has made.
    let grant: String
    /// The name of the program that acts for a person; nil for a token.
    let client: String?

    /// A principal with the rights of a token, or of a grant of the person `id`.
    init(
        id: String, name: String, scopes: Set<Scope>, pattern: AccessPattern,
        grant: String? = nil, client: String? = nil
    ) {
        (self.id, self.name, self.scopes, self.pattern) = (id, name, scopes, pattern)
        (self.grant, self.client) = (grant ?? id, client)
    }

    /// Names that no token may have, so that nobody is shown as the operator or as the relay.
    static let reservedNames: Set = ["local", "relay", "operator"]

    /// The person at this machine: stdio, or loopback where the operator allows it.
    static let local = Principal(id: "local", name: "local", scopes: [.admin], pattern: .all)

    /// Whether its rights come from this grant or token, or are those of this person.
    func hangs(on id: String) -> Bool { grant == id || self.id == id }

    /// Whether it holds all scopes in `needed`.
    func holds(_ needed: Set<Scope>) -> Bool {
        scopes.contains(.admin) || needed.isSubset(of: scopes)
    }
}
