// `file.list`: the contents of a directory at a target, with its arguments and result.
public import JSON

/// The order of a list.
public enum FileOrder: String, Sendable, CaseIterable {
    /// By path, each directory before its contents.
    case name
    /// The file that was changed last first.
    case newest
    /// The largest file first.
    case size
}

/// The arguments of `file.list`.
public struct ListFiles: CallArguments {
    /// The target.
    public var place: FilePlace
    /// A directory or a file; relative to the user's home, which `~` stands for.
    public var path: String
    /// How many levels of directories to list.
    public var depth: Int
    /// Keeps names that match; with a slash in it, paths below `path`.
    public var glob: String?
    /// The order of the entries.
    public var order: FileOrder
    /// The most entries in the answer.
    public var limit: Int

    private static let depth = Field.integer(
        "depth", in: 1...10, "How many levels of directories to list."
    ).or(1)
    private static let glob = Field.text(
        "glob", "Keep names that match (* and ?); with a slash in it, paths below path."
    ).optional
    private static let order: Field<FileOrder> = Field.choice(
        "sort",
        "The order: name (each directory before its contents), newest or size (largest first)."
    ).or(.name)
    private static let limit = Field.integer(
        "limit", in: 1...1000,
        "The most entries in the answer."
    ).or(200)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        place = try FilePlace(fields)
        path = try fields[FilePlace.path]
        depth = try fields[Self.depth]
        glob = try fields[Self.glob]
        order = try fields[Self.order]
        limit = try fields[Self.limit]
    }

    static let row = MethodRow(
        does: "lists files at a target", deadline: FilePlace.deadline, changesTargets: false,
        arguments: FilePlace.arguments
            + [
                FilePlace.path.declaration, depth.declaration, glob.declaration, order.declaration,
                limit.declaration,
            ]
            + TargetAccess.arguments,
        result: FileListing.members,
        tool: ToolRow(
            "file_list", title: "List files",
            """
            Lists a directory at a target, deeper with depth: names, types, sizes, modes, owners and \
            times. Links are shown, not followed. more says how many entries limit left out: narrow \
            path or glob, or raise limit.
            """,
            scopes: [.filesRead], hints: .looks(atTargets: true), routes: FilePlace.routes,
            isLarge: true))
}

/// One file in a list.
public struct FileEntry: Sendable, Equatable {
    /// Its path, relative to the listed one.
    public var path: String
    /// `file`, `directory`, `link` or `other`.
    public var type: String
    /// The size in bytes.
    public var size: Int?
    /// Permission bits in octal.
    public var mode: String?
    /// The owner's and the group's number, `0:0`.
    public var owner: String?
    /// The time of the last change, RFC 3339.
    public var modified: String?
    /// Where a link points.
    public var link: String?
    /// Why no path leads to it: its name, which `path` then shows with escapes.
    public var unusable: String?

    private static let path = Field.text("path", "The path, relative to the listed one.")
    private static let type = Field.word(
        "type", of: ["file", "directory", "link", "other"], "The entry's type."
    ).or("file")
    private static let size = Field.count("size", "The size in bytes.").optional
    private static let mode = Field.text("mode", "Permission bits in octal.").optional
    private static let owner = Field.text("owner", "USER:GROUP, as numbers.").optional
    private static let modified = Field.text("modified", "The last change, RFC 3339.").optional
    private static let link = Field.text("link", "Where a link points.").optional
    private static let unusable = Field.text(
        "unusable",
        "Why path cannot be given to a file tool: the name has control characters, which path shows "
            + "as escapes, or is not UTF-8. Use ssh_execute for it."
    ).optional

    static let members = [
        path.declaration, type.declaration, size.declaration, mode.declaration,
        owner.declaration, modified.declaration, link.declaration, unusable.declaration,
    ]

    /// An entry to be filled in.
    public init(path: String, type: String) {
        self.path = path
        self.type = type
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.path, path)
        members.put(Self.type, type)
        members.put(Self.size, size)
        members.put(Self.mode, mode)
        members.put(Self.owner, owner)
        members.put(Self.modified, modified)
        members.put(Self.link, link)
        members.put(Self.unusable, unusable)
        return members.json
    }
}

/// The result of `file.list`.
public struct FileListing: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// The entries, in the order that was asked for.
    public var entries: [FileEntry] = []
    /// How many entries that match are known to be left out.
    public var more = 0
    /// Whether not all was looked at.
    public var isCut = false
    /// How many names were left out because no file can have them.
    public var unusable = 0

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let entries = Field.objects(
        "entries", FileEntry.members, "The entries, in the order that sort names.")
    private static let more = Field.count(
        "more", "How many further entries match; at least as many if truncated is set."
    ).optional
    private static let truncated = Field.flag(
        "truncated",
        "Not everything was looked at (10000 entries, 20 s, or deeper levels once limit was "
            + "reached): narrow path, depth or glob."
    ).or(false)
    private static let unusable = Field.count(
        "unusable",
        "How many entries were left out because of names that no file has: empty, longer than 1024 "
            + "bytes, or with slashes."
    ).optional

    static let members = [
        target.declaration, path.declaration, entries.declaration, more.declaration,
        truncated.declaration, unusable.declaration,
    ]

    /// A listing to be filled in.
    public init(target: String, path: String) {
        self.target = target
        self.path = path
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.target, target)
        members.put(Self.path, path)
        members.put(Self.entries, entries.map(\.json))
        members.put(Self.more, more > 0 ? more : nil)
        members.put(Self.truncated, isCut)
        members.put(Self.unusable, unusable > 0 ? unusable : nil)
        return members.json
    }
}
