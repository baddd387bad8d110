// Who a request comes from and what it may do.
import Wire

/// The caller that an MCP client's token identifies.
struct Principal: Sendable, Hashable {
    /// The token's id, never reused; sessions belong to it.
    let id: String
    /// The token's name, for people; it grants no rights.
    let name: String
    let scopes: Set<Scope>
    let pattern: AccessPattern

    /// Names that no token may have, so that nobody is shown as the operator or as the relay.
    static let reservedNames: Set = ["local", "relay"]

    /// The person at this machine: stdio, or loopback where the operator allows it.
    static let local = Principal(id: "local", name: "local", scopes: [.admin], pattern: .all)

    /// Whether it holds all scopes in `needed`.
    func holds(_ needed: Set<Scope>) -> Bool {
        scopes.contains(.admin) || needed.isSubset(of: scopes)
    }
}
