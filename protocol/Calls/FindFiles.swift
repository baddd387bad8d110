// `file.find`: looks for files below a directory at a target, with its arguments and result.
public import JSON

/// The arguments of `file.find`.
public struct FindFiles: CallArguments {
    /// The target.
    public var place: FilePlace
    /// The directory to look below.
    public var path: String
    /// A pattern for names; with a slash in it, for paths below `path`.
    public var name: String?
    /// The type that is looked for: `file`, `directory`, `link` or `other`.
    public var type: String?
    /// The least size in bytes.
    public var leastSize: Int?
    /// The largest size in bytes.
    public var mostSize: Int?
    /// Changed within this time before now.
    public var newerThan: Duration?
    /// Not changed within this time before now.
    public var olderThan: Duration?
    /// A regular expression that a line of the content matches.
    public var grep: String?
    /// How many levels of directories to look through.
    public var depth: Int
    /// The most entries in the answer.
    public var limit: Int
    /// How long to look.
    public var time: Duration

    private static let name = Field.text(
        "name", "A pattern for names (* and ?); with a slash in it, for paths below path."
    ).optional
    private static let type = Field.word(
        "type", of: ["file", "directory", "link", "other"], "Only entries of this type."
    ).optional
    private static let leastSize = Field.count("min_size", "At least this many bytes.").optional
    private static let mostSize = Field.count("max_size", "At most this many bytes.").optional
    /// The longest age: some 300 years.
    private static let ages = 0.0...1e10
    private static let newerThan: Field<Duration?> = Field.seconds(
        "newer_than_s", in: ages, "Changed within this many seconds before now (86400: a day)."
    ).optional
    private static let olderThan: Field<Duration?> = Field.seconds(
        "older_than_s", in: ages, "Not changed within this many seconds before now."
    ).optional
    private static let grep = Field.text(
        "grep",
        "A regular expression: only files with a line that matches in their first 1 "
            + "MiB; the first one is shown."
    ).optional
    private static let depth = Field.integer(
        "depth", in: 1...64, "How many levels of directories to look through."
    ).or(32)
    private static let limit = Field.integer(
        "limit", in: 1...1000, "The most entries in the answer."
    ).or(100)
    private static let time = Field.seconds(
        "time_s", in: 1...50, "How many seconds to look."
    ).or(.seconds(20))

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        place = try FilePlace(fields)
        path = try fields[FilePlace.path]
        name = try fields[Self.name]
        type = try fields[Self.type]
        leastSize = try fields[Self.leastSize]
        mostSize = try fields[Self.mostSize]
        newerThan = try fields[Self.newerThan]
        olderThan = try fields[Self.olderThan]
        grep = try fields[Self.grep]
        depth = try fields[Self.depth]
        limit = try fields[Self.limit]
        time = try fields[Self.time]
    }

    static let row = MethodRow(
        does: "looks for files at a target", deadline: FilePlace.deadline, changesTargets: false,
        hasProgress: true,
        arguments: FilePlace.arguments
            + [
                FilePlace.path.declaration, name.declaration, type.declaration,
                leastSize.declaration, mostSize.declaration, newerThan.declaration,
                olderThan.declaration, grep.declaration, depth.declaration, limit.declaration,
                time.declaration,
            ] + TargetAccess.arguments,
        result: FilesFound.members,
        tool: ToolRow(
            "file_find", title: "Find files",
            """
            Looks for files below a directory at a target, by name, type, size, age and content; all \
            that is given must hold. Links are not followed. Looks at no more than 100000 entries, \
            for time_s; unlooked says what was left out and why.
            """,
            scopes: [.filesRead], hints: .looks(atTargets: true), routes: FilePlace.routes,
            isLarge: true))
}

/// The result of `file.find`.
public struct FilesFound: Sendable, Equatable {
    /// A file that was found.
    public struct Entry: Sendable, Equatable {
        /// The file.
        public var entry: FileEntry
        /// The first line that matches.
        public var line: FileContent.Match?

        private static let line = Field.object(
            "match", FileContent.Match.members, "With grep: the first line that matches."
        ).optional

        static let members = FileEntry.members + [line.declaration]

        /// A file that was found.
        public init(_ entry: FileEntry, line: FileContent.Match? = nil) {
            (self.entry, self.line) = (entry, line)
        }

        var json: JSON {
            guard let line, case .object(var object) = entry.json else { return entry.json }
            object[Self.line.name] = line.json
            return .object(object)
        }
    }

    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// What was found, upper levels first.
    public var entries: [Entry] = []
    /// How many entries were looked at.
    public var looked = 0
    /// Whether something that matches may be missing.
    public var isCut = false
    /// What was not looked at, and why.
    public var unlooked: [String] = []

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let entries = Field.objects(
        "entries", Entry.members, "What was found, upper levels first.")
    private static let looked = Field.count("looked", "How many entries were looked at.")
    private static let truncated = Field.flag(
        "truncated", "limit, time_s or the number of entries ended the search: there may be more."
    ).or(false)
    private static let unlooked = Field.texts(
        "unlooked", "What was not looked at, and why; the first ones of each reason."
    ).or([])

    static let members = [
        target.declaration, path.declaration, entries.declaration, looked.declaration,
        truncated.declaration, unlooked.declaration,
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
        members.put(Self.entries, entries.map(\.json))
        members.put(Self.looked, looked)
        members.put(Self.truncated, isCut)
        members.put(Self.unlooked, unlooked)
        return members.json
    }
}
