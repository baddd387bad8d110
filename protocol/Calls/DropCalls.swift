// The relay's drop-box: the tool `file_drop`, which the relay answers by itself, and the URLs in
// its answers and in those of `file_transfer`. Invariant: the text of a URL is in the answer that
// makes it, and nowhere else.
public import JSON

/// A URL of the drop-box, and until when it can be used.
public struct DropLink: Sendable, Equatable {
    /// The URL; nil: only the time is shown.
    public var url: String?
    /// The end, as RFC 3339 writes it.
    public var expires: String

    private static let url = Field.text(
        "url",
        "For a plain HTTP client; a secret: whoever has it can use it. It is shown this once."
    ).optional
    static let expires = Field.text(
        "expires_at", "When the file and its URL go, in UTC."
    ).optional

    static let members = [url.declaration, expires.declaration]

    /// A link.
    public init(url: String?, expires: String) { (self.url, self.expires) = (url, expires) }

    func put(into members: inout Members) {
        members.put(Self.url, url)
        members.put(Self.expires, expires)
    }
}

/// A file of the drop-box, as `file_drop` shows it.
public struct DropInfo: Sendable, Equatable {
    /// How much of it is there.
    public enum State: String, Sendable, CaseIterable {
        /// An upload URL was given out for it.
        case awaited
        /// It is coming from a target.
        case arriving
        /// It is complete.
        case whole
    }

    /// Its name.
    public var name: String
    /// How much of it is there.
    public var state: State
    /// Its bytes, or those that are there.
    public var size: Int
    /// Its digest in hex.
    public var sha256: String?
    /// The most bytes of one that is still to come.
    public var maxBytes: Int?
    /// When it goes, and the URL that was made.
    public var link: DropLink

    private static let name = Field.text("name", "Its name.").optional
    private static let state = Field<State>.choice(
        "state",
        "whole: it is complete; awaited: its upload URL was not used to the end; arriving: it comes from a target."
    ).optional
    private static let size = Field.count("size", "Its bytes, or those that are there.").optional
    private static let sha256 = Field.text("sha256", "Its digest.").optional
    private static let maxBytes = Field.count(
        "max_bytes", "The most bytes that may be sent to the upload URL."
    ).optional

    static let members =
        [
            name.declaration, state.declaration, size.declaration, sha256.declaration,
            maxBytes.declaration,
        ] + DropLink.members

    /// A file to be shown.
    public init(
        name: String, state: State, size: Int, sha256: String?, maxBytes: Int?, link: DropLink
    ) {
        (self.name, self.state, self.size) = (name, state, size)
        (self.sha256, self.maxBytes, self.link) = (sha256, maxBytes, link)
    }

    func put(into members: inout Members) {
        members.put(Self.name, name)
        members.put(Self.state, state)
        members.put(Self.size, size)
        members.put(Self.sha256, sha256)
        members.put(Self.maxBytes, maxBytes)
        link.put(into: &members)
    }
}

/// The arguments of the tool `file_drop`.
public struct UseDropBox: Sendable {
    /// What to do.
    public enum Action: String, Sendable, CaseIterable {
        /// Shows the caller's files.
        case list
        /// Makes a URL of a file.
        case downloadURL = "download_url"
        /// Makes a URL for a file to come.
        case uploadURL = "upload_url"
        /// Deletes a file.
        case delete
    }

    /// What to do, and with which file.
    public enum Request: Sendable, Equatable {
        /// Shows the caller's files.
        case list
        /// Makes a URL of this file.
        case downloadURL(String)
        /// Makes a URL for a file of this name.
        case uploadURL(String, maxBytes: Int?)
        /// Deletes this file.
        case delete(String)
    }

    /// What to do.
    public var request: Request

    private static let action = Field<Action>.choice(
        "action",
        "list: your files; download_url: a URL of one, for curl -O URL (an earlier URL of it ends); upload_url: a URL for one new file, for curl -T FILE URL; delete: removes one."
    )
    private static let name = Field.text(
        "name", "The file's name in the drop-box; for all but list."
    ).optional
    private static let maxBytes = Field.count(
        "max_bytes", "With upload_url: the most bytes of the file. Absent: what you may have."
    ).optional

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        let action = try fields[Self.action]
        let (name, maxBytes) = (try fields[Self.name], try fields[Self.maxBytes])
        guard maxBytes == nil || action == .uploadURL else {
            throw Fault(.invalidArgument, "\"max_bytes\" goes with upload_url alone")
        }
        guard action != .list else {
            guard name == nil else {
                throw Fault(.invalidArgument, "\"name\" does not go with list")
            }
            request = .list
            return
        }
        guard let name else { throw .missing(Self.name.name) }
        switch action {
        case .list: request = .list
        case .downloadURL: request = .downloadURL(name)
        case .uploadURL: request = .uploadURL(name, maxBytes: maxBytes)
        case .delete: request = .delete(name)
        }
    }

    /// The tool.
    public static let tool = ToolRow(
        "file_drop", title: "The relay's drop-box",
        """
        Files that pass between a person and a target, kept on the relay until they expire. To give \
        the person a file: file_transfer with to_target relay, and show the url. To get one: \
        upload_url, show the url with curl -T FILE URL, wait until list shows the file as whole, \
        then file_transfer with target relay. Each client sees its own files alone.
        """,
        scopes: [.filesRead, .filesWrite],
        hints: .changes(destructive: true, idempotent: false, atTargets: false), routes: [.relay],
        arguments: [action.declaration, name.declaration, maxBytes.declaration],
        result: DropAnswer.members)
}

/// The result of `file_drop`.
public enum DropAnswer: Sendable, Equatable {
    /// The caller's files.
    case files([DropInfo])
    /// A file whose URL was made.
    case file(DropInfo, note: String)
    /// How many were deleted.
    case deleted(Int)

    private static let files = Field.objects(
        "files", DropInfo.members, "Of list: your files, the newest first."
    ).optional
    private static let deleted = Field.count("deleted", "Files that were deleted.").optional
    private static let note = Field.text("note", "What to do next.").optional

    static let members =
        [files.declaration] + DropInfo.members + [deleted.declaration, note.declaration]

    /// As an object.
    public var json: JSON {
        var members = Members()
        switch self {
        case .files(let files):
            members.put(
                Self.files,
                files.map { file in
                    var members = Members()
                    file.put(into: &members)
                    return members.json
                })
        case .file(let file, let note):
            file.put(into: &members)
            members.put(Self.note, note)
        case .deleted(let count): members.put(Self.deleted, count)
        }
        return members.json
    }
}
