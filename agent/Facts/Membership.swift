// The agent's name and id at its relay, from the last welcome. Results use them in targets and
// handles. Invariant: a handle begins with what the relay said, by which it routes, and its number
// is never given again.
import Loop

/// The agent as its relay knows it.
@IO final class Membership {
    /// The name that targets begin with: `name/host`.
    var name: String
    /// The id at the relay.
    var id: String
    /// What handles begin with, before the dot: a beginning of the id.
    var handlePrefix: String
    private let numbers: HandleNumbers

    init(name: String, id: String, numbers: HandleNumbers = HandleNumbers()) {
        self.name = name
        self.id = id
        handlePrefix = id
        self.numbers = numbers
    }

    /// A target of this agent under its present name.
    func renamed(_ target: String) -> String {
        target.firstIndex(of: "/").map { name + target[$0...] } ?? target
    }

    /// A new handle, such as `k3f9.7`, which no session, command, transfer or forward had before.
    func newHandle() -> String { "\(handlePrefix).\(numbers.next())" }
}
