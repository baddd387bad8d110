// The results of the `file.*` calls.
public import JSON

/// One file in a list.
public struct FileEntry: Sendable, Equatable {
    /// Its path below the one that was listed.
    public var path: String
    /// `file`, `directory`, `link` or `other`.
    public var type: String
    /// Bytes.
    public var size: Int?
    /// Permission bits in octal.
    public var mode: String?
    /// The owner's and the group's number, `0:0`.
    public var owner: String?
    /// The time of the last change, RFC 3339.
    public var modified: String?
    /// Where a link points.
    public var link: String?

    /// An entry to be filled in.
    public init(path: String, type: String) {
        self.path = path
        self.type = type
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = ["path": .string(path), "type": .string(type)]
        object.add("size", JSON(size))
        object.add("mode", JSON(mode))
        object.add("owner", JSON(owner))
        object.add("modified", JSON(modified))
        object.add("link", JSON(link))
        return .object(object)
    }
}

/// The result of `file.list`.
public struct FileListing: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// What there is, a directory before what is in it.
    public var entries: [FileEntry] = []
    /// There is more than an answer holds.
    public var isTruncated = false

    /// A listing to be filled in.
    public init(target: String, path: String) {
        self.target = target
        self.path = path
    }

    /// As an object.
    public var json: JSON {
        [
            "target": .string(target), "path": .string(path),
            "entries": .array(entries.map(\.json)), "truncated": .bool(isTruncated),
        ]
    }
}

/// The result of `file.read`.
public struct FileContent: Sendable, Equatable {
    /// A line that matched.
    public struct Match: Sendable, Equatable {
        /// Its number from 1; nil when the search did not begin at the file's start.
        public var line: Int?
        /// Where it begins.
        public var offset: Int
        /// The line without its end, at most 2000 bytes.
        public var text: String

        /// A match.
        public init(line: Int?, offset: Int, text: String) {
            self.line = line
            self.offset = offset
            self.text = text
        }

        var json: JSON {
            var object: JSON.Object = [:]
            object.add("line", JSON(line))
            object["offset"] = JSON(offset)
            object["text"] = .string(text)
            return .object(object)
        }
    }

    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// The file's size.
    public var size = 0
    /// The digest of the whole file, in hexadecimal; nil: it was not read as a whole.
    public var sha256: String?
    /// Where the content begins.
    public var offset = 0
    /// Where the next read goes on.
    public var nextOffset = 0
    /// The content, as `encoding` says.
    public var content = ""
    /// Whether the content is base64, since it is no text.
    public var isBase64 = false
    /// With `grep`: the lines, in place of the content.
    public var matches: [Match]?
    /// The answer goes to the file's end.
    public var isEnd = false

    /// A content to be filled in.
    public init(target: String, path: String) {
        self.target = target
        self.path = path
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = [
            "target": .string(target), "path": .string(path), "size": .integer(size),
        ]
        object.add("sha256", JSON(sha256))
        object["offset"] = JSON(offset)
        object["next_offset"] = JSON(nextOffset)
        object["end"] = .bool(isEnd)
        if let matches {
            object["matches"] = .array(matches.map(\.json))
        } else {
            object["content"] = .string(content)
            object["encoding"] = .string(isBase64 ? "base64" : "utf-8")
        }
        return .object(object)
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
    /// The digest of the whole file now; nil: it is too large to be read again.
    public var sha256: String?
    /// There was no such file before.
    public var isNew = false

    /// A result to be filled in.
    public init(target: String, path: String) {
        self.target = target
        self.path = path
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = [
            "target": .string(target), "path": .string(path), "size": .integer(size),
        ]
        object.add("sha256", JSON(sha256))
        object["created"] = .bool(isNew)
        return .object(object)
    }
}
