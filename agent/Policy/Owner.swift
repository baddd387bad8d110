// Who may use the session or command that a call names by its id. Pure. Invariant: a right depends
// on the principal's id (or its admin scope) and on the host, never on a name.
import Configuration
import Wire

/// The principal that a session or command belongs to, and the host it leads to.
struct Owner: Sendable, Hashable {
    /// The principal's id.
    let id: String
    /// The principal's name, for people.
    let label: String
    /// The host as the caller wrote it after `agent/`, on which the relay has decided.
    let host: String

    /// The owner of what `caller` opens or starts on `target`.
    init(_ caller: Caller, target: String) {
        id = caller.id
        label = caller.label
        host = Self.host(of: target)
    }

    /// The host of `agent/host`.
    static func host(of target: String) -> String {
        let slash = target.firstIndex(of: "/").map { target.index(after: $0) }
        return String(target[(slash ?? target.startIndex)...])
    }
}

extension Caller {
    /// Whether it may use a host.
    func reaches(_ host: String) -> Bool { reach.contains { Glob.matches($0, host) } }

    /// Whether it may see and control what belongs to `owner`.
    ///
    /// The host is checked at each use: an admin may have less reach than the owner, and the owner
    /// less than when it opened the session (if the agent's tags have changed).
    func mayUse(_ owner: Owner) -> Bool { (isAdmin || owns(owner)) && reaches(owner.host) }

    /// Whether it is the owner.
    func owns(_ owner: Owner) -> Bool { owner.id == id }
}
