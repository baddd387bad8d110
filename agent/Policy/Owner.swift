// Who may use the session or command that a call names by its id. Pure. Invariant: a right depends
// on the principal's id (or its admin scope) and on where the call leads, never on a name.
import Configuration
import Wire

/// The principal that a session or command belongs to, and the host it leads to.
struct Owner: Sendable, Hashable {
    /// The principal's id.
    let id: String
    /// The principal's name, for people.
    let label: String
    /// The host, with the user and the port that are used there.
    let host: TargetName

    /// The owner of what `caller` opens or starts on `host`.
    init(_ caller: Caller, at host: TargetName) {
        id = caller.id
        label = caller.label
        self.host = host
    }
}

extension Caller {
    /// Whether it may use a host, and each jump host that it chose.
    ///
    /// A user or port that is not known yet is not judged.
    func reaches(_ target: TargetName) -> Bool {
        let patterns = reach.map { HostPattern($0) }
        return (target.via + [target]).allSatisfy { place in
            patterns.contains {
                $0.matches(host: place.host, user: place.user, port: place.port)
            }
        }
    }

    /// Whether it may see and control what belongs to `owner`.
    ///
    /// The host is checked at each use: an admin may have less reach than the owner, and the owner
    /// less than when it opened the session (if the agent's tags have changed).
    func mayUse(_ owner: Owner) -> Bool { (isAdmin || owns(owner)) && reaches(owner.host) }

    /// Whether it is the owner.
    func owns(_ owner: Owner) -> Bool { owner.id == id }
}
