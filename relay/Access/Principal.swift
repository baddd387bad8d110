// Who a request comes from and what it may do.
import Wire

/// Who an MCP client's token says it is.
struct Principal: Sendable, Hashable {
    /// The token's id, never used again; sessions belong to it.
    let id: String
    /// The token's name, for the audit and for people; it gives no right.
    let name: String
    let scopes: Set<Scope>
    let pattern: AccessPattern

    /// Names that no token may have, so that nobody is shown as the operator or as the relay.
    static let reservedNames: Set = ["local", "relay"]

    /// The person at this machine: stdio, or loopback where that was allowed.
    static let local = Principal(id: "local", name: "local", scopes: [.admin], pattern: .all)

    /// Whether it holds every one of `needed`.
    func holds(_ needed: Set<Scope>) -> Bool {
        scopes.contains(.admin) || needed.isSubset(of: scopes)
    }
}
