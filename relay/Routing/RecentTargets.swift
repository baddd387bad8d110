// Which targets a principal has used last, for completion. Flow: Router.send notes them.
// Invariant: bounded; only what a principal was allowed to call is here.

/// The targets that principals have used, the last first.
struct RecentTargets {
    /// Targets that are remembered of a principal: as many as somebody works on in a day.
    private static let each = 32
    /// Principals that are remembered; beyond that all are forgotten.
    private static let principals = 1024

    private var used: [String: [String]] = [:]

    /// The targets that a principal has used, the last first.
    func targets(of principal: String) -> [String] { used[principal] ?? [] }

    /// Notes that a principal uses a target.
    mutating func note(_ target: String, by principal: String) {
        guard used[principal]?.first != target else { return }
        if used[principal] == nil, used.count >= Self.principals { used = [:] }
        var targets = used[principal] ?? []
        targets.removeAll { $0 == target }
        targets.insert(target, at: 0)
        used[principal] = Array(targets.prefix(Self.each))
    }

    /// Forgets a principal.
    mutating func forget(_ principal: String) { used[principal] = nil }
}
