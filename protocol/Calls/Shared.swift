// The arguments that several calls share, so that each means the same everywhere. Pure.

/// Shared arguments.
public enum Shared {
    /// A target `agent/host`.
    public static let target = Field.text(
        "target",
        "agent/host as in target_list, agent/user@host:port, or agent/local (the "
            + "agent's machine).")
    /// The target whose entries a list keeps.
    static let onlyTarget = Field.text("target", "Keep those on this target.").optional
    /// The agent whose entries a list keeps.
    static let onlyAgent = Field.text("agent", "Keep those of this agent.").optional
    /// A session's id.
    static let sessionID = Field.text(
        "session_id", "The session's id, from ssh_session_open, or its name.")
    /// The arguments that name a session, by its id or its name.
    public static let sessionArguments = [sessionID.name, "to_session_id", reopen]
    /// The argument that names an ended session, for which a new shell is started.
    public static let reopen = "reopen"
    /// The argument and member that names a command.
    public static let commandIDName = commandID.name
    /// A command's id.
    static let commandID = Field.text(
        "command_id", "The command's id.")
    /// The agents whose entries a joined list lacks.
    public static let unanswered = Field.texts(
        "unanswered", "Agents that could not answer, and why."
    ).optional

    /// What a joined list lacks.
    public static let leftOut = Field.texts(
        "left_out", "What the list lacks, by agent, and how to get it."
    ).optional

    /// How long to wait, at most 50 s, because clients give up after 60 s.
    static func wait(_ standard: Duration, _ sentence: String) -> Field<Duration> {
        Field.seconds("wait_s", in: 0...50, sentence).or(standard)
    }

    /// A line to wait for in the output.
    static func until(_ sentence: String) -> Field<String?> {
        Field.text(
            "until",
            sentence
                + " (within wait_s; one line at a time). See"
                + " matched."
        ).optional
    }

    /// The most bytes of output in the answer.
    static func maxBytes(from least: Int, _ sentence: String) -> Field<Int> {
        Field.integer("max_bytes", in: least...1_000_000, sentence).or(20_000)
    }
}

/// The arguments of one call.
public protocol CallArguments: Sendable {
    /// Reads the arguments.
    init(_ fields: Fields) throws(Fault)
}

/// A call without arguments.
public struct NoArguments: CallArguments {
    /// Reads nothing.
    public init(_ fields: Fields) throws(Fault) {}
}
