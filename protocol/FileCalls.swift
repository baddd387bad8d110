// The arguments and results of the `file.*` calls: files at a target, through SFTP or, at
// `agent/local`, directly.

/// The arguments of `file.list`.
public struct ListFiles: Sendable {
    /// `agent/host`.
    public var target: String
    /// A directory or a file; relative to the user's home, which is `~` too.
    public var path: String
    /// How many levels of directories.
    public var depth: Int
    /// Keeps names that match; with a slash in it, paths below `path`.
    public var glob: String?
    /// How to enter the target.
    public var access: TargetAccess

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields.string("target")
        path = try fields.string("path")
        depth = try fields.integer("depth", in: 1...10) ?? 1
        glob = try fields.optionalString("glob")
        access = try TargetAccess(fields)
    }
}

/// The arguments of `file.read`.
public struct ReadFile: Sendable {
    /// `agent/host`.
    public var target: String
    /// The file.
    public var path: String
    /// Where to begin.
    public var offset: Int
    /// The most bytes of content in the answer.
    public var length: Int
    /// In place of `offset`: the last lines, so many.
    public var tail: Int?
    /// A regular expression: the lines that match in place of the content.
    public var grep: String?
    /// How to enter the target.
    public var access: TargetAccess

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields.string("target")
        path = try fields.string("path")
        let given = try fields.integer("offset", in: 0...Contract.integers.upperBound)
        offset = given ?? 0
        length = try fields.integer("length", in: 1...1_000_000) ?? 20_000
        tail = try fields.integer("tail", in: 1...10_000)
        grep = try fields.optionalString("grep")
        access = try TargetAccess(fields)
        guard tail == nil || (given == nil && grep == nil) else {
            throw Fault(.invalidArgument, "\"tail\" goes with neither \"offset\" nor \"grep\"")
        }
    }
}

/// The arguments of `file.write`.
public struct WriteFile: Sendable {
    /// What is to be written.
    public enum Content: Sendable {
        /// Text.
        case text(String)
        /// Bytes as base64.
        case base64(String)
    }

    /// `agent/host`.
    public var target: String
    /// The file.
    public var path: String
    /// What is to be written.
    public var content: Content
    /// Permission bits; nil: a file keeps its own, a new one gets the target's default.
    public var mode: UInt32?
    /// Adds to what is there.
    public var append: Bool
    /// Makes the directories that are missing.
    public var createDirectories: Bool
    /// Writes only when the file's content has this digest, in hexadecimal.
    public var expectedSHA256: String?
    /// How to enter the target.
    public var access: TargetAccess

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields.string("target")
        path = try fields.string("path")
        switch (try fields.optionalString("content"), try fields.optionalString("base64")) {
        case (let text?, nil): content = .text(text)
        case (nil, let text?): content = .base64(text)
        default: throw Fault(.invalidArgument, "give \"content\" or \"base64\", not both")
        }
        if let text = try fields.optionalString("mode") {
            guard (3...4).contains(text.utf8.count), let bits = UInt32(text, radix: 8) else {
                throw Fault(.invalidArgument, "\"mode\" must be octal digits, as \"0644\"")
            }
            mode = bits
        }
        append = try fields.flag("append") ?? false
        createDirectories = try fields.flag("create_dirs") ?? false
        expectedSHA256 = try fields.optionalString("expect_sha256")?.lowercased()
        if let digest = expectedSHA256 {
            guard digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit) else {
                throw Fault(.invalidArgument, "\"expect_sha256\" must be 64 hexadecimal digits")
            }
        }
        access = try TargetAccess(fields)
    }
}
