// The tool `agent_update`, which the relay answers by itself: its arguments and its row.

/// The arguments of `agent_update`; nil leaves a field unchanged.
public struct UpdateAgent: CallArguments {
    /// The agent's present name.
    public var agent: String
    /// Its new name.
    public var name: String?
    /// The tags that replace its tags; its own stay.
    public var tags: [String]?
    /// What it is for.
    public var purpose: String?

    private static let agent = Field.text("agent", "The agent's present name.")
    private static let name = Field.text(
        "name",
        "A new name, \(Contract.agentNamePattern). Targets are written NEW/host from then on; "
            + "sessions and commands go on under their ids, and tokens whose pattern names the "
            + "agent reach it only if the pattern fits the new name."
    ).optional
    private static let tags = Field.texts(
        "tags", atMost: 32,
        "The tags that replace those it has; tokens reach agents by tags. The tags that it gave "
            + "itself stay."
    ).optional
    private static let purpose = Field.text("purpose", "What the agent is for, one line.").optional

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        agent = try fields[Self.agent]
        name = try fields[Self.name]
        tags = try fields[Self.tags]
        purpose = try fields[Self.purpose]
        if name == nil, tags == nil, purpose == nil {
            throw Fault(
                .invalidArgument, "nothing to change: give \"name\", \"tags\" or \"purpose\"")
        }
    }

    /// The tool.
    public static let tool = ToolRow(
        "agent_update", title: "Change an agent's record",
        """
        Changes an agent's name, tags or purpose at the relay. Nothing changes at its machine, and \
        its sessions and commands go on. Needs the scope admin, as names and tags decide which \
        tokens reach it.
        """,
        scopes: [.admin], hints: .changes(destructive: false, idempotent: true, atTargets: false),
        routes: [.relay],
        arguments: [
            agent.declaration, name.declaration, tags.declaration, purpose.declaration,
        ], result: AgentEntry.members)
}
