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
        "target",
        "The source's host: agent/host, as target_list shows it; or relay: its drop-box (file_drop)."
    ).optional
    static let path = Field.text(
        "path",
        "The file or directory to copy; absolute, or relative to the user's home. In the drop-box: the file's name."
    ).optional
    static let toTarget = Field.text(
        "to_target",
        "The destination's host, at the same agent or at another; or relay: its drop-box, for a person to fetch."
    ).optional
    static let toPath = Field.text(
        "to_path",
        "The new path itself; with a / at its end, the directory to put the copy in under its own name. In the drop-box: a name; absent: its own."
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
        toPath = try fields[Self.toPath] ?? (toTarget == Self.relay ? "/" : "")
        guard !toPath.isEmpty else { throw .missing(Self.toPath.name) }
        guard target == Self.relay || toTarget == Self.relay else { return }
        try checkRelay(fields)
    }

    /// What stands for the relay's drop-box in the place of a target.
    public static let relay = "relay"
    /// Whether the source is the drop-box.
    public var isFromRelay: Bool { target == Self.relay }
    /// Whether the destination is the drop-box.
    public var isToRelay: Bool { toTarget == Self.relay }

    private func checkRelay(_ fields: Fields) throws(Fault) {
        guard !(isFromRelay && isToRelay) else {
            throw Fault(.invalidArgument, "one of target and to_target must be agent/host")
        }
        guard !options.isRecursive else {
            throw Fault(
                .invalidArgument,
                "the relay's drop-box takes single files: pack the directory first (tar), or"
                    + " unpack at the target")
        }
        guard !isToRelay || !options.skipsUnchanged else {
            throw Fault(.invalidArgument, "\"only_changed\" does not go with the relay")
        }
    }

    static func needed(_ field: Field<String?>, _ fields: Fields) throws(Fault) -> String {
        guard let text = try fields[field] else { throw .missing(field.name) }
        return text
    }

    /// The tool.
    public static let tool = ToolRow(
        "file_transfer", title: "Copy files between targets",
        """
        Copies a file or, with recursive, a directory from one target to another, also between two \
        agents. Files that exist are replaced, each in one step when it is complete; modes and times \
        of change are kept, links stay links. After a break the same call goes on where the file \
        stopped. state is done; failed: see failures; or running: call file_transfer with the \
        command_id to wait on (ssh_command_output, _list and _cancel know it too). With relay as \
        to_target a file goes to the relay's drop-box, and the answer has a URL for the person \
        (curl -O URL); with relay as target it comes from there (file_drop).
        """,
        scopes: [.filesRead, .filesWrite],
        hints: .changes(destructive: true, idempotent: true, atTargets: true),
        routes: [.command("command_id"), .target("target"), .target("to_target")],
        arguments: [
            target.declaration, path.declaration, toTarget.declaration, toPath.declaration,
        ] + TransferOptions.members
            + [wait.declaration, isBackground.declaration, commandID.declaration],
        result: TransferInfo.members + DropLink.members)
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

    private static let target = Field.text("target", "The source's host.").optional
    private static let path = Field.text("path", "The file or directory to copy.").optional
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
                target: try TransferFiles.needed(Self.target, fields),
                path: try TransferFiles.needed(Self.path, fields))
        }
    }

    /// The arguments of a call; `isHere`: the destination's agent has the source too.
    public static func arguments(_ wanted: TransferFiles, isHere: Bool) -> JSON.Object {
        var members = Members()
        if isHere {
            members.put(target, wanted.target)
            members.put(path, wanted.path)
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
            target.declaration, path.declaration, source.declaration, toTarget.declaration,
            toPath.declaration,
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

extension Fault {
    /// An argument that must be given is not.
    static func missing(_ name: String) -> Fault {
        Fault(.invalidArgument, "\"\(name)\" is missing")
    }
}
