// `agent.drain`: the relay's process is about to end, and says so over the tunnels that it has.
// Where in the flow: after it the agent gives what waiting calls have, and knows when to dial.
// Invariant: an agent that does not know the call loses nothing but the advice: its tunnel ends.
public import JSON

/// The arguments of `agent.drain`.
public struct Drain: CallArguments, Equatable {
    /// How long the agent waits until it dials; nil: it has been told before.
    public var retryAfter: Duration?
    /// Whether another process takes connections already.
    public var hasSuccessor: Bool

    private static let retryAfter = Field.seconds(
        "retry_after_s", in: 0...3600,
        "Time until the agent dials: from now with successor, else from the end of this tunnel. "
            + "Absent: it was said before, and only waits are to end."
    ).optional
    private static let hasSuccessor = Field.flag(
        "successor",
        "Another process of the relay takes connections already: the agent dials beside this "
            + "tunnel, which ends when its calls have."
    ).or(false)

    static let row = MethodRow(
        does:
            "says that this process of the relay is ending: calls that wait for output are answered"
            + " with what there is, as if their wait_s were over, and the agent learns when to dial"
            + " again",
        deadline: Deadline(.seconds(2)), changesTargets: false,
        arguments: [retryAfter.declaration, hasSuccessor.declaration])

    /// Says when to dial again.
    public init(retryAfter: Duration?, hasSuccessor: Bool) {
        (self.retryAfter, self.hasSuccessor) = (retryAfter, hasSuccessor)
    }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        retryAfter = try fields[Self.retryAfter]
        hasSuccessor = try fields[Self.hasSuccessor]
    }

    /// The arguments.
    public var json: JSON {
        var members = Members()
        members.put(Self.retryAfter, retryAfter)
        members.put(Self.hasSuccessor, hasSuccessor)
        return members.json
    }
}
