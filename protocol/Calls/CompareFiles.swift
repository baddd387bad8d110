// The tool `file_diff`, which the relay answers by itself: it reads both files at their agents.
public import JSON

/// The arguments of `file_diff`.
public struct CompareFiles: CallArguments {
    /// One of the two files, as the arguments of `file.read` name it.
    public struct Side: Sendable, Equatable {
        /// The target; nil if a session is given.
        public var target: String?
        /// The session; nil if a target is given.
        public var session: String?
        /// The file.
        public var path: String
    }

    /// What the old file is compared with.
    public enum Other: Sendable, Equatable {
        /// A file.
        case file(Side)
        /// A text.
        case text(String)
    }

    /// The old file.
    public var old: Side
    /// The new one.
    public var new: Other
    /// How many equal lines to show around a change.
    public var context: Int
    /// About how many bytes of difference to show.
    public var maxBytes: Int

    /// The largest file that is compared, in bytes: both are held at the relay.
    public static let longest = 1_000_000

    private static let target = Field.text("target", Shared.target.declaration.sentence).optional
    private static let session = Field.text(
        "session_id", "In place of target: a session's host, with its login and directory."
    ).optional
    private static let path = Field.text("path", "The old file, at most 1000000 bytes.")
    private static let toTarget = Field.text(
        "to_target", "Where the new file is. Absent: where the old one is."
    ).optional
    private static let toSession = Field.text(
        "to_session_id", "In place of to_target: a session."
    ).optional
    private static let toPath = Field.text(
        "to_path", "The new file. Absent: the same path, at to_target or to_session_id."
    ).optional
    private static let text = Field.text(
        "text", atMost: Contract.contentBytes, "The new text itself, in place of a new file."
    ).optional
    private static let context = Field.integer(
        "context", in: 0...50, "How many equal lines to show around a change."
    ).or(3)
    private static let maxBytes = Field.integer(
        "max_bytes", in: 1...400_000, "About how many bytes of difference to show."
    ).or(20_000)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        let (target, session) = (try fields[Self.target], try fields[Self.session])
        guard (target == nil) != (session == nil) else {
            throw Fault(
                .invalidArgument,
                target == nil
                    ? "\"target\" is missing (or give \"session_id\")"
                    : "give either \"target\" or \"session_id\": both were given")
        }
        old = Side(target: target, session: session, path: try fields[Self.path])
        let (toTarget, toSession) = (try fields[Self.toTarget], try fields[Self.toSession])
        let toPath = try fields[Self.toPath]
        context = try fields[Self.context]
        maxBytes = try fields[Self.maxBytes]
        guard toTarget == nil || toSession == nil else {
            throw Fault(
                .invalidArgument, "give either \"to_target\" or \"to_session_id\": both were given")
        }
        let hasFile = toTarget != nil || toSession != nil || toPath != nil
        if let text = try fields[Self.text] {
            guard !hasFile else {
                throw Fault(.invalidArgument, "\"text\" goes with none of the to_ arguments")
            }
            new = .text(text)
            return
        }
        guard hasFile else {
            throw Fault(
                .invalidArgument,
                "give the new file in \"to_path\" or \"to_target\", or its \"text\"")
        }
        let isElsewhere = toTarget != nil || toSession != nil
        new = .file(
            Side(
                target: isElsewhere ? toTarget : target,
                session: isElsewhere ? toSession : session, path: toPath ?? old.path))
    }

    /// The tool.
    public static let tool = ToolRow(
        "file_diff", title: "Compare files",
        """
        Compares two files on any two targets, also at two agents, or a file with a text: the \
        difference as a unified diff. Logs in as configured; where that is not enough, give \
        session_id.
        """,
        scopes: [.filesRead], hints: .looks(atTargets: true), routes: [.relay], isLarge: true,
        form: .difference,
        arguments: [
            target.declaration, session.declaration, path.declaration, toTarget.declaration,
            toSession.declaration, toPath.declaration, text.declaration, context.declaration,
            maxBytes.declaration,
        ],
        result: FilesCompared.members)
}

/// The result of `file_diff`.
public struct FilesCompared: Sendable, Equatable {
    /// Whether there is no difference.
    public var isEqual: Bool
    /// The difference, with the names of both files; empty if there is none.
    public var difference: String
    /// Whether parts of the difference were left out.
    public var isCut: Bool

    private static let equal = Field.flag("equal", "Whether both are the same, byte by byte.")
    private static let difference = Field.text(
        "diff",
        "The difference, unified; bytes that are not UTF-8 are shown as U+FFFD. Absent: none."
    ).or("")
    private static let truncated = Field.flag(
        "truncated", "The difference is longer than max_bytes: the rest was left out."
    ).or(false)

    static let members = [equal.declaration, difference.declaration, truncated.declaration]

    /// A result.
    public init(isEqual: Bool, difference: String, isCut: Bool) {
        (self.isEqual, self.difference, self.isCut) = (isEqual, difference, isCut)
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.equal, isEqual)
        members.put(Self.difference, difference)
        members.put(Self.truncated, isCut)
        return members.json
    }
}
