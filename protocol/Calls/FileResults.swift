// The results of the `file.*` calls.
public import JSON

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
    /// How the content is shown.
    public var encoding = FileEncoding.text
    /// How many bytes of the content are not UTF-8, where it shows them as U+FFFD.
    public var invalidBytes = 0
    /// With `tail`: where the lines that were left out begin.
    public var restOffset: Int?
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
    private static let offset = Field.count("offset", "The offset of content's beginning.").or(0)
    private static let nextOffset = Field.count(
        "next_offset", "The offset at which to continue. Absent: the file ends here (end), at size."
    ).optional
    private static let end = Field.flag("end", "Whether the answer reaches the end of the file.")
        .or(false)
    private static let matches = Field.objects(
        "matches", Match.members,
        "With grep: the lines that match, in place of content; one call searches at most 8 MiB."
    ).optional
    private static let content = Field.text(
        "content",
        "The content; with tail whole lines, unless the last one alone is longer than length."
    ).optional
    private static let encoding: Field<FileEncoding?> = Field.choice(
        "encoding",
        "The encoding of content; absent: it is text. base64: it is binary (a NUL, or more than a tenth of it is not "
            + "UTF-8), or that was asked for."
    ).optional
    private static let invalidBytes = Field.count(
        "invalid_bytes",
        "How many bytes of content are not UTF-8: each is shown as U+FFFD. encoding escaped or "
            + "base64 gives them exactly."
    ).optional
    private static let truncated = Field.flag(
        "truncated", "With tail: fewer lines than asked for fit; see rest_offset."
    ).or(false)
    private static let restOffset = Field.count(
        "rest_offset",
        "With tail: the lines from here up to offset were left out: read them with this offset. "
            + "Lines are looked for in the last 1 MiB."
    ).optional

    static let members = [
        target.declaration, path.declaration, size.declaration, sha256.declaration,
        offset.declaration, nextOffset.declaration, end.declaration, matches.declaration,
        content.declaration, encoding.declaration, invalidBytes.declaration,
        truncated.declaration, restOffset.declaration,
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
        members.put(Self.nextOffset, isEnd && nextOffset == size ? nil : nextOffset)
        members.put(Self.end, isEnd)
        members.put(Self.matches, matches?.map(\.json))
        if matches == nil {
            members.put(Self.content, content)
            members.put(Self.encoding, encoding == .text ? nil : encoding)
            members.put(Self.invalidBytes, invalidBytes > 0 ? invalidBytes : nil)
            members.put(Self.truncated, restOffset != nil)
            members.put(Self.restOffset, restOffset)
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
    /// Whether what was appended goes on in the file's last line, which had no end.
    public var joinsLine = false

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let size = Field.count("size", "The file's size in bytes now.")
    private static let sha256 = Field.text(
        "sha256", "The digest of the whole file now, in hexadecimal; only up to 8 MiB."
    ).optional
    private static let created = Field.flag("created", "Whether the file was created.").or(false)
    private static let joinsLine = Field.flag(
        "joins_line",
        "The file did not end in a newline: what was appended goes on in its last line."
    ).or(false)

    static let members = [
        target.declaration, path.declaration, size.declaration, sha256.declaration,
        created.declaration, joinsLine.declaration,
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
        members.put(Self.joinsLine, joinsLine)
        return members.json
    }
}
