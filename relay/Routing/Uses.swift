// What principals have used and changed last: for completion, and for what is remembered of lists.
// Flow: Router.send notes it. Invariant: bounded; only what a principal was allowed to call is
// here.

/// What each principal has done last.
struct Uses {
    /// Targets, and names of sessions, that are remembered of a principal: as many as somebody
    /// works with in a day.
    private static let each = 32
    /// Principals that are remembered; beyond that all are forgotten.
    private static let principals = 1024

    private struct Use {
        var targets: [String] = []
        /// Sessions that were called by their names, the last first.
        var sessions: [(name: String, id: String)] = []
        var change = 0
    }

    private var uses: [String: Use] = [:]
    private var lastChange = 0

    /// The targets that a principal has used, the last first.
    func targets(of principal: String) -> [String] { uses[principal]?.targets ?? [] }

    /// The session that a principal last meant by this name; nil if that is not remembered.
    func session(named name: String, of principal: String) -> String? {
        uses[principal]?.sessions.first { $0.name == name }?.id
    }

    /// Notes which session a principal means by a name.
    mutating func note(_ id: String, named name: String, of principal: String) {
        makeRoom(for: principal)
        var sessions = uses[principal]?.sessions ?? []
        sessions.removeAll { $0.name == name }
        sessions.insert((name, id), at: 0)
        uses[principal, default: Use()].sessions = Array(sessions.prefix(Self.each))
    }

    /// A number that is another one after each call with which the principal may have changed
    /// something, such as its list of sessions.
    func change(by principal: String) -> Int { uses[principal]?.change ?? 0 }

    /// Notes that a principal uses a target.
    mutating func note(_ target: String, by principal: String) {
        guard uses[principal]?.targets.first != target else { return }
        var targets = uses[principal]?.targets ?? []
        targets.removeAll { $0 == target }
        targets.insert(target, at: 0)
        makeRoom(for: principal)
        uses[principal, default: Use()].targets = Array(targets.prefix(Self.each))
    }

    /// Notes that a principal may have changed something.
    mutating func noteChange(by principal: String) {
        lastChange += 1
        makeRoom(for: principal)
        uses[principal, default: Use()].change = lastChange
    }

    /// Forgets a principal.
    mutating func forget(_ principal: String) { uses[principal] = nil }

    private mutating func makeRoom(for principal: String) {
        if uses[principal] == nil, uses.count >= Self.principals { uses = [:] }
    }
}
