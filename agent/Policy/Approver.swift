// What only a person may answer: whether an unknown host key is the right one, and a secret that
// agent.conf has no source for. Links asks; whoever can reach a person answers.
// Invariant: a late or missing answer counts as a refusal.
import Loop
import SSH

/// Puts questions to a person.
@IO protocol Approver: AnyObject {
    /// Whether this is the right key for a host that has none stored; if so, it is stored.
    func approves(_ key: HostKey, of host: String, for target: String) async -> Bool

    /// The value of a secret, for one login; nil if refused.
    func secret(_ name: String, for target: String) async -> [UInt8]?
}
