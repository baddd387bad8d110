// A person who may use the relay: who logs in with a passkey, answers approvals, and lets programs
// act in their name. Invariant: the id is never used again; rights hang on it, the name is a label.
import Wire

/// A person.
struct Person: Sendable, Hashable {
    let id: String
    /// For people; it grants no rights.
    let name: String
    /// What this person, and each program in this person's name, may do at most.
    let scopes: Set<Scope>
    /// The agents and targets that this person reaches.
    let pattern: AccessPattern
    /// Seconds since 1970.
    let created: Int64
    var revoked: Int64?

    /// The person as a principal of the relay: as one who has logged in on a page.
    var principal: Principal {
        Principal(id: id, name: name, scopes: scopes, pattern: pattern)
    }
}
