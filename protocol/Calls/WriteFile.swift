// `file.write`: writes a file at a target; its arguments. The result is in FileResults.swift.

/// The arguments of `file.write`.
public struct WriteFile: CallArguments {
    /// What is to be written.
    public enum Content: Sendable {
        /// Text.
        case text(String)
        /// Bytes as base64.
        case base64(String)
    }

    /// The target.
    public var place: FilePlace
    /// The file.
    public var path: String
    /// What is to be written.
    public var content: Content
    /// Permission bits; if nil, a file keeps its own, and a new file gets the target's default.
    public var mode: UInt32?
    /// Whether to append to the file.
    public var append: Bool
    /// Whether to make missing directories.
    public var createDirectories: Bool
    /// Whether a new file takes the old one's place.
    public var isAtomic: Bool
    /// Writes only when the file's content has this digest, in hexadecimal.
    public var expectedSHA256: String?

    private static let content = Field.text(
        "content", atMost: Contract.contentBytes,
        "The text to write: this or base64; at most 2 MiB."
    ).optional
    private static let base64 = Field.text(
        "base64", atMost: Contract.contentBytes, "The bytes to write, as base64."
    ).optional
    private static let mode = Field.text(
        "mode",
        "Permission bits, such as 0644. Absent: the file's own, or the host's default."
    ).optional
    private static let append = Field.flag(
        "append", "Append to the file in place of replacing its content."
    ).or(false)
    private static let atomic = Field.flag(
        "atomic",
        "Replace the file in one step, by a rename: readers see the old content or the new. Where "
            + "mode, owner, hard links or attributes would be lost, it is an error."
    ).or(false)
    private static let createDirectories = Field.flag(
        "create_dirs", "Make missing directories."
    ).or(false)
    private static let expectedSHA256 = Field.text(
        "expect_sha256",
        "Write only if the content (at most 8 MiB) has this sha256, as file_read gave "
            + "it."
    ).optional

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        place = try FilePlace(fields)
        path = try fields[FilePlace.path]
        switch (try fields[Self.content], try fields[Self.base64]) {
        case (let text?, nil): content = .text(text)
        case (nil, let text?): content = .base64(text)
        case (nil, nil):
            throw Fault(
                .invalidArgument,
                "\"content\" is missing: give the text to write (\"\" empties the file), or its "
                    + "bytes in \"base64\"")
        case (_?, _?):
            throw Fault(
                .invalidArgument, "give either \"content\" or \"base64\": both were given")
        }
        mode = try FilePlace.mode(try fields[Self.mode])
        append = try fields[Self.append]
        createDirectories = try fields[Self.createDirectories]
        expectedSHA256 = try FilePlace.digest(try fields[Self.expectedSHA256])
        isAtomic = try fields[Self.atomic]
        guard !isAtomic || !append else {
            throw Fault(.invalidArgument, "\"atomic\" does not go with \"append\"")
        }
    }

    static let row = MethodRow(
        does: "writes a file at a target", deadline: FilePlace.deadline, changesTargets: true,
        arguments: FilePlace.arguments
            + [
                FilePlace.path.declaration,
                content.declaration, base64.declaration, mode.declaration, append.declaration,
                createDirectories.declaration, expectedSHA256.declaration, atomic.declaration,
            ] + TargetAccess.arguments,
        result: FileWritten.members,
        tool: ToolRow(
            "file_write", title: "Write a file",
            """
            Writes a file at a target, or appends to it. An existing file is overwritten in place, \
            so its owner, mode and links stay; if the connection is lost during the write, the file \
            may be partly written, unless atomic is set. At most 2 MiB a call. To change a part of \
            a file, use file_edit.
            """,
            scopes: [.filesWrite],
            hints: .changes(destructive: true, idempotent: false, atTargets: true),
            routes: FilePlace.routes, isLarge: true))
}
