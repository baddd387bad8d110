// What the agent is called at its relay, as the last welcome said. It stands in the targets and the
// handles of every result. Invariant: a handle begins with the agent's id, by which the relay routes.
import Crypto
import Loop

/// The agent as its relay knows it.
@IO final class Membership {
    /// The name that targets begin with: `name/host`.
    var name: String
    /// The id that handles begin with.
    var id: String

    init(name: String, id: String) {
        self.name = name
        self.id = id
    }

    /// A handle that was never used before.
    func newHandle() -> String { "\(id).\(Base32.encode(Random.bytes(10)).lowercased())" }
}
