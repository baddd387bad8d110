// The agent's name and id at its relay, from the last welcome. Results use them in targets and
// handles. Invariant: a handle begins with the agent's id, by which the relay routes.
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

    /// A target of this agent under its present name.
    func renamed(_ target: String) -> String {
        target.firstIndex(of: "/").map { name + target[$0...] } ?? target
    }

    /// A new, unique handle.
    func newHandle() -> String { "\(id).\(Base32.encode(Random.bytes(10)).lowercased())" }
}
