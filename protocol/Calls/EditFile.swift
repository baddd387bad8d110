// `file.edit`: replaces exact text in a file at a target, with its arguments and result.
public import JSON

/// The arguments of `file.edit`.
public struct EditFile: CallArguments {
    /// One replacement.
    public struct Edit: Sendable, Equatable {
        /// The text to find.
        public var old: String
        /// The text in its place.
        public var new: String
        /// Whether every occurrence is replaced; otherwise there must be exactly one.
        public var isForAll: Bool

        private static let old = Field.text(
            "old", atMost: Contract.contentBytes,
            "The text to replace, exactly as in the file; it must occur once, unless all is set.")
        private static let new = Field.text(
            "new", atMost: Contract.contentBytes, "The text in its place.")
        private static let all = Field.flag("all", "Replace every occurrence.").or(false)

        static let members = [old.declaration, new.declaration, all.declaration]

        init(_ fields: Fields) throws(Fault) {
            old = try fields[Self.old]
            new = try fields[Self.new]
            isForAll = try fields[Self.all]
        }
    }

    /// The target.
    public var place: FilePlace
    /// The file.
    public var path: String
    /// What to replace, in this order.
    public var edits: [Edit]
    /// Edits only when the file's content has this digest, in hexadecimal.
    public var expectedSHA256: String?

    /// The most edits of one call: more than a model writes at once.
    private static let limit = 100
    private static let edits = Field.objects(
        "edits", Edit.members,
        "What to replace, at most 100, one after the other; if one fails, nothing is changed.")
    private static let expectedSHA256 = Field.text(
        "expect_sha256",
        "Edit only if the content has this sha256, as file_read gave it."
    ).optional

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        place = try FilePlace(fields)
        path = try fields[FilePlace.path]
        var edits: [Edit] = []
        for one in try fields.each(Self.edits) { edits.append(try Edit(one)) }
        guard (1...Self.limit).contains(edits.count) else {
            throw Fault(.invalidArgument, "\"edits\" must have 1 to \(Self.limit) edits")
        }
        self.edits = edits
        expectedSHA256 = try FilePlace.digest(try fields[Self.expectedSHA256])
    }

    static let row = MethodRow(
        does: "replaces text in a file at a target", deadline: FilePlace.deadline,
        changesTargets: true,
        arguments: FilePlace.arguments
            + [FilePlace.path.declaration, edits.declaration, expectedSHA256.declaration]
            + TargetAccess.arguments,
        result: FileEdited.members,
        tool: ToolRow(
            "file_edit", title: "Edit a file",
            """
            Replaces exact text in a file at a target (at most 8 MiB, UTF-8 or not): all edits or \
            none. Text that is absent, or that occurs more than once without all, is an error that \
            changes nothing. Answers with the difference. Mode, owner and hard links stay; readers \
            never see a part, unless the answer says in_place.
            """,
            scopes: [.filesWrite],
            hints: .changes(destructive: true, idempotent: false, atTargets: true),
            routes: FilePlace.routes, isLarge: true, form: .difference))
}

/// The result of `file.edit`.
public struct FileEdited: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// The file's size now.
    public var size = 0
    /// The digest of the whole file now.
    public var sha256 = ""
    /// How many occurrences were replaced.
    public var replaced = 0
    /// The difference, unified.
    public var difference = ""
    /// Whether the file was overwritten in place, as a new one would not have been the same.
    public var isInPlace = false

    private static let inPlace = Field.flag(
        "in_place",
        "The file was overwritten in place, so that readers may have seen a part: a new file could not "
            + "take its name, or would have lost its owner, hard links or extended attributes."
    ).or(false)
    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let size = Field.count("size", "The file's size in bytes now.")
    private static let sha256 = Field.text(
        "sha256", "The digest of the whole file now, in hexadecimal.")
    private static let replaced = Field.count("replaced", "How many occurrences were replaced.")
    private static let difference = Field.text(
        "diff", "What has changed, as a unified diff; cut after some 8000 bytes.")

    static let members = [
        target.declaration, path.declaration, size.declaration, sha256.declaration,
        replaced.declaration, difference.declaration, inPlace.declaration,
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
        members.put(Self.replaced, replaced)
        members.put(Self.difference, difference)
        members.put(Self.inPlace, isInPlace)
        return members.json
    }
}
