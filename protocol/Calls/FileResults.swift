// The results of the `file.*` calls.
public import JSON

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

    private static let path = Field.text("path", "The path, relative to the listed one.")
    private static let type = Field.word(
        "type", of: ["file", "directory", "link", "other"], "The entry's type.")
    private static let size = Field.count("size", "The size in bytes.").optional
    private static let mode = Field.text("mode", "Permission bits in octal.").optional
    private static let owner = Field.text("owner", "USER:GROUP, as numbers.").optional
    private static let modified = Field.text("modified", "The last change, RFC 3339.").optional
    private static let link = Field.text("link", "Where a link points.").optional

    static let members = [
        path.declaration, type.declaration, size.declaration, mode.declaration,
        owner.declaration, modified.declaration, link.declaration,
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
        return members.json
    }
}

/// The result of `file.list`.
public struct FileListing: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// The entries, each directory before its contents.
    public var entries: [FileEntry] = []
    /// Whether there is more than fits in one answer.
    public var isTruncated = false
    /// How many names were left out because no file can have them.
    public var unusable = 0

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let entries = Field.objects(
        "entries", FileEntry.members, "The entries, each directory before its contents.")
    private static let truncated = Field.flag(
        "truncated",
        "There is more than fits in one answer (1000 entries, or 20 s of listing): narrow path, "
            + "depth or glob.")
    private static let unusable = Field.count(
        "unusable",
        "How many entries were left out because of their names: empty, longer than 1024 bytes, or "
            + "with slashes or control characters."
    ).optional

    static let members = [
        target.declaration, path.declaration, entries.declaration, truncated.declaration,
        unusable.declaration,
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
        members.put(Self.truncated, isTruncated)
        members.put(Self.unusable, unusable > 0 ? unusable : nil)
        return members.json
    }
}

/// The result of `file.read`.
public struct FileContent: Sendable, Equatable {
    /// A line that matched.
    public struct Match: Sendable, Equatable {
        /// Its number from 1; nil if the search did not begin at the file's start.
        public var line: Int?
        /// Where it begins.
        public var offset: Int
        /// The line without its end, at most 2000 bytes.
        public var text: String

        private static let line = Field.count(
            "line", "The line's number from 1; only if the search began at offset 0."
        ).optional
        private static let offset = Field.count("offset", "The offset of the line's beginning.")
        private static let text = Field.text("text", "The line without its end, cut at 2000 bytes.")

        static let members = [line.declaration, offset.declaration, text.declaration]

        /// A match.
        public init(line: Int?, offset: Int, text: String) {
            self.line = line
            self.offset = offset
            self.text = text
        }

        var json: JSON {
            var members = Members()
            members.put(Self.line, line)
            members.put(Self.offset, offset)
            members.put(Self.text, text)
            return members.json
        }
    }

    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// The file's size.
    public var size = 0
    /// The digest of the whole file, in hexadecimal; nil if it was not read as a whole.
    public var sha256: String?
    /// The offset of the beginning of the content.
    public var offset = 0
    /// The offset at which to continue.
    public var nextOffset = 0
    /// The content, encoded as `encoding` says.
    public var content = ""
    /// Whether the content is base64, because it is not text.
    public var isBase64 = false
    /// With `grep`: the lines, in place of the content.
    public var matches: [Match]?
    /// Whether the answer reaches the end of the file.
    public var isEnd = false

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let size = Field.count("size", "The file's size in bytes.")
    private static let sha256 = Field.text(
        "sha256",
        "The digest of the whole file, in hexadecimal; only if it was read from its start and has "
            + "at most 8 MiB."
    ).optional
    private static let offset = Field.count("offset", "The offset of content's beginning.")
    private static let nextOffset = Field.count("next_offset", "The offset at which to continue.")
    private static let end = Field.flag("end", "Whether the answer reaches the end of the file.")
    private static let matches = Field.objects(
        "matches", Match.members,
        "With grep: the lines that match, in place of content; one call searches at most 8 MiB."
    ).optional
    private static let content = Field.text(
        "content", "The content, exactly as it is in the file."
    ).optional
    private static let encoding = Field.word(
        "encoding", of: ["utf-8", "base64"],
        "The encoding of content: base64 if it is not text or contains a NUL."
    ).optional

    static let members = [
        target.declaration, path.declaration, size.declaration, sha256.declaration,
        offset.declaration, nextOffset.declaration, end.declaration, matches.declaration,
        content.declaration, encoding.declaration,
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
        members.put(Self.size, size)
        members.put(Self.sha256, sha256)
        members.put(Self.offset, offset)
        members.put(Self.nextOffset, nextOffset)
        members.put(Self.end, isEnd)
        members.put(Self.matches, matches?.map(\.json))
        if matches == nil {
            members.put(Self.content, content)
            members.put(Self.encoding, isBase64 ? "base64" : "utf-8")
        }
        return members.json
    }
}

/// The result of `file.write`.
public struct FileWritten: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// The file's size now.
    public var size = 0
    /// The digest of the whole file now; nil if it is too large to be read again.
    public var sha256: String?
    /// Whether the file was created.
    public var isNew = false

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let size = Field.count("size", "The file's size in bytes now.")
    private static let sha256 = Field.text(
        "sha256", "The digest of the whole file now, in hexadecimal; only up to 8 MiB."
    ).optional
    private static let created = Field.flag("created", "Whether the file was created.")

    static let members = [
        target.declaration, path.declaration, size.declaration, sha256.declaration,
        created.declaration,
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
        members.put(Self.size, size)
        members.put(Self.sha256, sha256)
        members.put(Self.created, isNew)
        return members.json
    }
}
