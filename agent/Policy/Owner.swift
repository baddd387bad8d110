// Who may use a session or a command by its id. Pure. Between the calls that name an id and what
// they name. Invariant: a right hangs on the principal's id and on the host alone, never on a name.
import Configuration
import Wire

/// Whom a session or a command belongs to, and the host it leads to.
struct Owner: Sendable, Hashable {
    /// The principal's id.
    let id: String
    /// The principal's name, for people.
    let label: String
    /// What the caller wrote behind `agent/`, which is what the relay lets pass or refuses.
    let host: String

    /// What `caller` opens or starts on `target`.
    init(_ caller: Caller, target: String) {
        id = caller.id
        label = caller.label
        host = Self.host(of: target)
    }

    /// What stands behind the agent's name in `agent/host`.
    static func host(of target: String) -> String {
        let slash = target.firstIndex(of: "/").map { target.index(after: $0) }
        return String(target[(slash ?? target.startIndex)...])
    }
}

extension Caller {
    /// Whether it may use a host.
    func reaches(_ host: String) -> Bool { reach.contains { Glob.matches($0, host) } }

    /// Whether it may see and drive what belongs to `owner`.
    ///
    /// The host is asked about at each use: a principal may have less reach than the one that opened
    /// it (an admin), or less than when it was opened (the agent's tags have changed).
    func mayUse(_ owner: Owner) -> Bool { (isAdmin || owns(owner)) && reaches(owner.host) }

    /// Whether it is the owner.
    func owns(_ owner: Owner) -> Bool { owner.id == id }
}
