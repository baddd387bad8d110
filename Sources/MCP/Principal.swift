// Who a request comes from, as the host's authentication says. Invariant: this module compares
// names and looks up scopes, but gives them no meaning.

/// The authenticated caller of a request.
public struct Principal: Sendable, Hashable {
    /// The identity; legacy sessions and limits are bound to it.
    public var name: String
    /// What it may do, already expanded by the host (an administrator's set holds all).
    public var scopes: Set<String>

    /// A principal with its scopes.
    public init(name: String, scopes: Set<String> = []) {
        self.name = name
        self.scopes = scopes
    }

    /// Whether it may use what needs `scope`; what needs no scope is open to all.
    public func holds(_ scope: String?) -> Bool { scope.map(scopes.contains) ?? true }
}
