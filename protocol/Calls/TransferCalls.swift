// Copying files between targets: the tool `file_transfer` and the calls that it makes.
// Flow: one agent has both targets: `transfer.start`. Two agents: `transfer.send` at the source's
// gives a ticket, `transfer.start` at the destination's gives the other, and the relay joins the
// two streams. `transfer.wait` waits for the end. Invariant: a path is judged at its own agent.
public import JSON

/// How a transfer copies.
public struct TransferOptions: Sendable, Equatable {
    /// Whether a directory is copied, with everything below it.
    public var isRecursive: Bool
    /// Whether what was written is read again and compared by sha256.
    public var isVerified: Bool
    /// Whether files of the same size and time are left as they are.
    public var skipsUnchanged: Bool

    fileprivate static let recursive = Field.flag(
        "recursive", "Copy a directory with everything below it, into the directory to_path."
    ).or(false)
    fileprivate static let verify = Field.flag(
        "verify",
        "Compare sha256 at both ends before a file gets its name."
    ).or(true)
    fileprivate static let onlyChanged = Field.flag(
        "only_changed",
        "Leave files alone that have the same size and time there."
    ).or(false)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        isRecursive = try fields[Self.recursive]
        isVerified = try fields[Self.verify]
        skipsUnchanged = try fields[Self.onlyChanged]
    }

    static let members = [
        recursive.declaration, verify.declaration, onlyChanged.declaration,
    ]

    /// Puts the options into a call's arguments.
    func put(into members: inout Members) {
        members.put(Self.recursive, isRecursive)
        members.put(Self.verify, isVerified)
        members.put(Self.onlyChanged, skipsUnchanged)
    }
}

/// The arguments of the tool `file_transfer`.
public struct TransferFiles: Sendable {
    /// A transfer that was begun before; nil: a new one.
    public var commandID: String?
    /// The source.
    public var target: String
    /// The path at the source.
    public var path: String
    /// The destination.
    public var toTarget: String
    /// The path at the destination.
    public var toPath: String
    /// How it copies.
    public var options: TransferOptions
    /// How long to wait for its end.
    public var wait: Duration

    /// The argument that names a transfer.
    public static let commandIDName = commandID.name
    static let commandID = Field.text(
        "command_id",
        "In place of all others but wait_s: a transfer that was begun before, whose end to wait for."
    ).optional
    static let target = Field.text(
        "target", "The source's host: agent/host, as target_list shows it."
    ).optional
    static let path = Field.text(
        "path", "The file or directory to copy; absolute, or relative to the user's home."
    ).optional
    static let toTarget = Field.text(
        "to_target", "The destination's host, at the same agent or at another."
    ).optional
    static let toPath = Field.text(
        "to_path",
        "The new path itself; with a / at its end, the directory to put the copy in under its own name."
    ).optional
    static let wait = Shared.wait(
        .seconds(30), "How long to wait for the end before answering with state running.")
    private static let isBackground = Field.flag(
        "background", "Answer at once; the transfer goes on, as it does when wait_s is over."
    ).or(false)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        commandID = try fields[Self.commandID]
        options = try TransferOptions(fields)
        wait = try fields[Self.isBackground] ? .zero : try fields[Self.wait]
        guard commandID == nil else {
            (target, path, toTarget, toPath) = ("", "", "", "")
            let others = [Self.target.name, Self.path.name, Self.toTarget.name, Self.toPath.name]
            if let other = others.first(where: { fields.has($0) }) {
                throw Fault(.invalidArgument, "\"\(other)\" does not go with \"command_id\"")
            }
            return
        }
        target = try Self.needed(Self.target, fields)
        path = try Self.needed(Self.path, fields)
        toTarget = try Self.needed(Self.toTarget, fields)
        toPath = try Self.needed(Self.toPath, fields)
    }

    static func needed(_ field: Field<String?>, _ fields: Fields) throws(Fault) -> String {
        guard let text = try fields[field] else {
            throw Fault(.invalidArgument, "\"\(field.name)\" is missing")
        }
        return text
    }

    /// The tool.
    public static let tool = ToolRow(
        "file_transfer", title: "Copy files between targets",
        """
        Copies a file or, with recursive, a directory from one target to another, also between two \
        agents. Files that exist are replaced, each in one step when it is complete; modes and times \
        of change are kept, links stay links. After a break the same call goes on where the file \
        stopped. A long transfer answers with state running and a command_id: call file_transfer \
        with it to wait on (ssh_command_output, _list and _cancel know it too).
        """,
        scopes: [.filesRead, .filesWrite],
        hints: .changes(destructive: true, idempotent: true, atTargets: true),
        routes: [.command("command_id"), .target("target"), .target("to_target")],
        arguments: [
            target.declaration, path.declaration, toTarget.declaration, toPath.declaration,
        ] + TransferOptions.members
            + [wait.declaration, isBackground.declaration, commandID.declaration],
        result: TransferInfo.members)
}

/// The arguments of `transfer.send`.
public struct SendFiles: CallArguments {
    /// The source.
    public var target: String
    /// The path at the source.
    public var path: String
    /// How it is copied.
    public var options: TransferOptions

    private static let target = Field.text("target", "The source's host.")
    private static let path = Field.text("path", "The file or directory to copy.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Self.target]
        path = try fields[Self.path]
        options = try TransferOptions(fields)
    }

    /// The arguments of a call.
    public static func arguments(_ wanted: TransferFiles) -> JSON.Object {
        var members = Members()
        members.put(target, wanted.target)
        members.put(path, wanted.path)
        wanted.options.put(into: &members)
        return members.json.objectValue ?? [:]
    }

    static let row = MethodRow(
        does: "gives a ticket for a stream of files, for a transfer to another agent",
        deadline: FilePlace.deadline, changesTargets: false,
        arguments: [target.declaration, path.declaration] + TransferOptions.members,
        result: [StreamTicket.field.declaration], judgedAs: TransferFiles.tool)

    /// The result.
    public static func json(_ ticket: StreamTicket) -> JSON {
        var members = Members()
        members.put(StreamTicket.field, ticket.text)
        return members.json
    }
}

/// The arguments of `transfer.start`.
public struct StartTransfer: CallArguments {
    /// Where the files come from.
    public enum Source: Sendable, Equatable {
        /// A target of the same agent.
        case here(target: String, path: String)
        /// A stream from another agent; the source as people know it.
        case stream(String)
    }

    /// The source.
    public var source: Source
    /// The destination.
    public var toTarget: String
    /// The path at the destination.
    public var toPath: String
    /// How it copies.
    public var options: TransferOptions
    /// How long to wait for its end.
    public var wait: Duration

    private static let toTarget = Field.text("to_target", "The destination's host.")
    private static let toPath = Field.text(
        "to_path", "The new path; with a / at its end, the directory to put the copy in.")
    private static let source = Field.text(
        "source",
        "In place of target and path: the source at another agent, for people; the answer then has a ticket."
    ).optional
    private static let wait = Shared.wait(.zero, "How long to wait for the end.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        toTarget = try fields[Self.toTarget]
        toPath = try fields[Self.toPath]
        options = try TransferOptions(fields)
        wait = try fields[Self.wait]
        if let text = try fields[Self.source] {
            source = .stream(text)
        } else {
            source = .here(
                target: try TransferFiles.needed(TransferFiles.target, fields),
                path: try TransferFiles.needed(TransferFiles.path, fields))
        }
    }

    /// The arguments of a call; `isHere`: the destination's agent has the source too.
    public static func arguments(_ wanted: TransferFiles, isHere: Bool) -> JSON.Object {
        var members = Members()
        if isHere {
            members.put(TransferFiles.target, wanted.target)
            members.put(TransferFiles.path, wanted.path)
            members.put(wait, wanted.wait)
        } else {
            members.put(source, "\(wanted.target):\(wanted.path)")
        }
        members.put(toTarget, wanted.toTarget)
        members.put(toPath, wanted.toPath)
        wanted.options.put(into: &members)
        return members.json.objectValue ?? [:]
    }

    static let row = MethodRow(
        does: "begins a transfer to a target of this agent",
        deadline: Deadline(.seconds(75), plus: [wait]), changesTargets: true, hasProgress: true,
        arguments: [
            TransferFiles.target.declaration, TransferFiles.path.declaration, source.declaration,
            toTarget.declaration, toPath.declaration,
        ] + TransferOptions.members + [wait.declaration],
        result: TransferInfo.members + [StreamTicket.field.optional.declaration],
        judgedAs: TransferFiles.tool)
}

/// The arguments of `transfer.wait`.
public struct AwaitTransfer: CallArguments {
    /// The transfer.
    public var commandID: String
    /// How long to wait for its end.
    public var wait: Duration

    private static let wait = Shared.wait(.zero, "How long to wait for the end.")

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        commandID = try fields[Shared.commandID]
        wait = try fields[Self.wait]
    }

    /// The arguments of a call.
    public static func arguments(_ id: String, _ time: Duration) -> JSON.Object {
        var members = Members()
        members.put(Shared.commandID, id)
        members.put(wait, time)
        return members.json.objectValue ?? [:]
    }

    static let row = MethodRow(
        does: "waits for the end of a transfer", deadline: Deadline(.seconds(15), plus: [wait]),
        changesTargets: false, hasProgress: true,
        arguments: [Shared.commandID.declaration, wait.declaration], result: TransferInfo.members,
        judgedAs: TransferFiles.tool)
}

/// How much a transfer has copied.
public struct TransferAmounts: Sendable, Equatable {
    /// Files that were copied.
    public var files = 0
    /// Directories that were made or found.
    public var directories = 0
    /// Links that were made.
    public var links = 0
    /// Bytes of files copied, holes included.
    public var bytes = 0
    /// Files that were left alone, as they are there already.
    public var unchanged = 0
    /// Bytes that were there from an earlier, broken transfer.
    public var resumed = 0
    /// Entries that could not be copied.
    public var failed = 0

    /// Nothing yet.
    public init() {}
}

/// What a transfer has done so far, as `file_transfer` shows it.
public struct TransferInfo: Sendable, Equatable {
    /// The handle.
    public var commandID: String
    /// The destination's `agent/host`.
    public var target: String
    /// The source as people know it.
    public var source: String
    /// Running, done, cancelled or failed.
    public var state: RunState
    /// The absolute path at the destination; nil: not known yet.
    public var path: String?
    /// What was copied, and what was not.
    public var done = TransferAmounts()
    /// All files and their bytes; nil: the source has not been looked through yet.
    public var total: (files: Int, bytes: Int)?
    /// Bytes a second.
    public var rate: Int?
    /// Seconds that are left, about.
    public var secondsLeft: Int?
    /// The digest of a single file that was verified.
    public var sha256: String?
    /// Why the first entries that failed could not be copied.
    public var failures: [String] = []
    /// Milliseconds since the start, or until the end.
    public var durationMS = 0
    /// Why it failed, and what to do next.
    public var note: String?

    /// The most failures that a result names.
    public static let shownFailures = 20

    private static let target = Field.text("target", "The destination's host.")
    private static let source = Field.text("source", "The source, as target:path.")
    private static let path = Field.text("path", "The absolute path at the destination.").optional
    private static let state = Field<RunState>.choice(
        "state",
        "running; done: everything was copied; failed: see note and failures; cancelled: on request."
    )
    private static let files = Field.count("files", "Files copied.")
    private static let directories = Field.count("directories", "Directories made or found.")
        .or(0)
    private static let links = Field.count("links", "Symbolic links made.").or(0)
    private static let bytes = Field.count("bytes", "Bytes of files copied, holes included.")
    private static let unchanged = Field.count(
        "unchanged", "Files left alone, as size and time are the same (only_changed)."
    ).or(0)
    private static let resumed = Field.count(
        "resumed_bytes", "Bytes that an earlier, broken transfer had left there."
    ).or(0)
    private static let totalFiles = Field.count("total_files", "All files of the source.").optional
    private static let totalBytes = Field.count("total_bytes", "The bytes of all files.").optional
    private static let rate = Field.count("bytes_per_s", "Bytes a second.").optional
    private static let left = Field.count("eta_s", "Seconds that are left, about.").optional
    private static let sha256 = Field.text("sha256", "Of a single file that was verified.").optional
    private static let failed = Field.count("failed", "Entries that could not be copied.").or(0)
    private static let failures = Field.texts(
        "failures", "Why entries could not be copied; at most \(shownFailures)."
    ).or([])

    static let members = [
        RunResult.commandID.declaration, target.declaration, source.declaration,
        state.declaration, path.declaration, files.declaration, directories.declaration,
        links.declaration, bytes.declaration, unchanged.declaration, resumed.declaration,
        totalFiles.declaration, totalBytes.declaration, rate.declaration, left.declaration,
        sha256.declaration, failed.declaration, failures.declaration,
        RunResult.duration.declaration, RunResult.note.declaration,
    ]

    /// A result to be filled in.
    public init(commandID: String, target: String, source: String, state: RunState) {
        (self.commandID, self.target, self.source) = (commandID, target, source)
        self.state = state
    }

    /// The id in an answer.
    public static func commandID(of answer: RawJSON) throws(Fault) -> String {
        try Fields(answer)[RunResult.commandID]
    }

    /// As an object; `ticket`: for the stream that the source's agent sends.
    public func json(_ ticket: StreamTicket? = nil) -> JSON {
        var members = Members()
        members.put(RunResult.commandID, commandID)
        members.put(Self.target, target)
        members.put(Self.source, source)
        members.put(Self.state, state)
        members.put(Self.path, path)
        members.put(Self.files, done.files)
        members.put(Self.directories, done.directories)
        members.put(Self.links, done.links)
        members.put(Self.bytes, done.bytes)
        members.put(Self.unchanged, done.unchanged)
        members.put(Self.resumed, done.resumed)
        members.put(Self.totalFiles, total?.files)
        members.put(Self.totalBytes, total?.bytes)
        members.put(Self.rate, rate)
        members.put(Self.left, secondsLeft)
        members.put(Self.sha256, sha256)
        members.put(Self.failed, done.failed)
        members.put(Self.failures, failures)
        members.put(RunResult.duration, durationMS)
        members.put(RunResult.note, note)
        members.put(StreamTicket.field.optional, ticket?.text)
        return members.json
    }

    /// Compares what is shown: Swift does not compare the pair `total` by itself.
    public static func == (one: TransferInfo, other: TransferInfo) -> Bool {
        one.json() == other.json()
    }
}
