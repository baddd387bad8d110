// `file.manage`: makes directories, moves, copies, deletes files and changes their modes at a
// target, with its arguments and result.
public import JSON

/// What `file.manage` does.
public enum FileAction: String, Sendable, CaseIterable {
    /// Makes a directory.
    case makeDirectory = "mkdir"
    /// Renames a file or a directory.
    case move
    /// Copies a file or, recursively, a directory.
    case copy
    /// Deletes a file, a link or a directory.
    case delete
    /// Changes permission bits.
    case changeMode = "chmod"
}

/// The arguments of `file.manage`.
public struct ManageFiles: CallArguments {
    /// The target.
    public var place: FilePlace
    /// What to do.
    public var action: FileAction
    /// The file or directory.
    public var path: String
    /// Where it goes, for `move` and `copy`.
    public var destination: String?
    /// Permission bits, for `chmod` and `mkdir`.
    public var mode: UInt32?
    /// Whether everything below a directory is meant too; for `mkdir`, whether parents are made.
    public var isRecursive: Bool
    /// Whether an existing file at the destination is replaced.
    public var replaces: Bool

    private static let action: Field<FileAction> = Field.choice(
        "action",
        "mkdir; move and copy to the path in to; delete; chmod to mode.")
    private static let destination = Field.text(
        "to", "For move and copy: the new path itself, not the directory to put it in."
    ).optional
    private static let mode = Field.text(
        "mode", "For chmod and mkdir: permission bits, such as 0755."
    ).optional
    private static let recursive = Field.flag(
        "recursive",
        "For delete, copy, chmod: everything below, at most 10000 entries; for mkdir: "
            + "missing parents too, and no error if it exists."
    ).or(false)
    private static let replace = Field.flag(
        "replace", "For move and copy: replace a file that is at the new path."
    ).or(false)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        place = try FilePlace(fields)
        action = try fields[Self.action]
        path = try fields[FilePlace.path]
        destination = try fields[Self.destination]
        mode = try FilePlace.mode(try fields[Self.mode])
        isRecursive = try fields[Self.recursive]
        replaces = try fields[Self.replace]
    }

    /// Throws if the arguments do not go with the action.
    public func check() throws(Fault) {
        let (takesDestination, takesMode) =
            switch action {
            case .move, .copy: (true, false)
            case .makeDirectory, .changeMode: (false, true)
            case .delete: (false, false)
            }
        guard (destination != nil) == takesDestination else {
            throw Fault(
                .invalidArgument,
                takesDestination
                    ? "\"to\" is missing: \(action.rawValue) needs the new path"
                    : "\"to\" does not go with \(action.rawValue)")
        }
        guard mode == nil || takesMode else {
            throw Fault(.invalidArgument, "\"mode\" does not go with \(action.rawValue)")
        }
        guard mode != nil || action != .changeMode else {
            throw Fault(.invalidArgument, "\"mode\" is missing: chmod needs it, as \"0644\"")
        }
        guard !replaces || takesDestination else {
            throw Fault(.invalidArgument, "\"replace\" does not go with \(action.rawValue)")
        }
    }

    static let row = MethodRow(
        does: "makes directories, moves, copies and deletes files, changes modes at a target",
        deadline: FilePlace.deadline, changesTargets: true, hasProgress: true,
        arguments: FilePlace.arguments
            + [
                action.declaration, FilePlace.path.declaration, destination.declaration,
                mode.declaration, recursive.declaration, replace.declaration,
            ] + TargetAccess.arguments,
        result: FilesManaged.members,
        tool: ToolRow(
            "file_manage", title: "Manage files",
            """
            Makes a directory, moves, copies or deletes files, or changes their modes, at one \
            target. A link is moved, copied or deleted itself, not what it leads to. A directory \
            that is not empty is deleted only with recursive; / and the home directory never. All \
            entries below are checked before the first is changed; works at most 60 s.
            """,
            scopes: [.filesWrite],
            hints: .changes(destructive: true, idempotent: false, atTargets: true),
            routes: FilePlace.routes))
}

/// The result of `file.manage`.
public struct FilesManaged: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The absolute path.
    public var path: String
    /// The absolute path it has gone to.
    public var destination: String?
    /// How many files, links and directories were made, moved, copied, deleted or changed.
    public var entries = 0
    /// How many bytes were copied.
    public var bytes: Int?

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path.")
    private static let destination = Field.text("to", "The absolute new path.").optional
    private static let entries = Field.count(
        "entries",
        "How many files, links and directories were made, moved, copied, deleted or changed.")
    private static let bytes = Field.count("bytes", "How many bytes were copied.").optional

    static let members = [
        target.declaration, path.declaration, destination.declaration, entries.declaration,
        bytes.declaration,
    ]

    /// A result to be filled in.
    public init(target: String, path: String) {
        self.target = target
        self.path = path
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.target, target)
        members.put(Self.path, path)
        members.put(Self.destination, destination)
        members.put(Self.entries, entries)
        members.put(Self.bytes, bytes)
        return members.json
    }
}
