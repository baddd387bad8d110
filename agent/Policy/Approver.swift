// What only a person may answer: whether an unknown host key is the right one, and a secret that
// agent.conf has no source for. Links asks; whoever can reach a person answers.
// Invariant: no answer, in time or at all, is a refusal.
import Loop
import SSH

/// Puts questions to a person.
@IO protocol Approver: AnyObject {
    /// Whether this is the key of a host that has none on file; it is filed then.
    func approves(_ key: HostKey, of host: String, for target: String) async -> Bool

    /// The value of a secret, for one login; nil: refused.
    func secret(_ name: String, for target: String) async -> [UInt8]?
}
