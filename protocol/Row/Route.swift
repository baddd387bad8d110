// Which argument names a call's agent: the relay routes by it, and the agent checks the owner and
// the reach by it. Pure.

/// One way to an agent: the argument that names it.
public enum Route: Sendable, Equatable {
    /// A session's id, in this argument.
    case session(String)
    /// A command's id, in this argument.
    case command(String)
    /// A forward's id, in this argument.
    case forward(String)
    /// A target `agent/host`, in this argument.
    case target(String)
    /// An agent's name, in this argument.
    case agent(String)
    /// Every agent that is online, concurrently; their lists under this member are joined.
    case each(joining: String)
    /// No agent: the relay answers by itself.
    case relay

    /// The argument that names the agent; nil if none does.
    public var argument: String? {
        switch self {
        case .session(let name), .command(let name), .forward(let name), .target(let name),
            .agent(let name):
            name
        case .each, .relay: nil
        }
    }
}
