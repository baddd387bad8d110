// `file.stream`: a ticket for the content of a file as raw bytes. The purposes of streams.
// Where it stands: an ordinary call, judged as `file.read` is; who makes it opens the stream with
// the ticket.
public import JSON

/// What a raw stream carries.
public enum StreamPurpose: String, Sendable, Hashable, CaseIterable {
    /// The content of a file, from the agent.
    case readFile = "file.read"
    /// A TCP connection of a forward.
    case forward = "forward.connect"
    /// The files of a transfer between two agents.
    case transfer = "transfer"
}

/// A ticket for one stream, as a result shows it.
public struct StreamTicket: Sendable, Equatable {
    /// The ticket's text: 128 random bits.
    public var text: String

    /// How many random bytes make a ticket, as a nonce nobody can guess.
    public static let bytes = 16
    /// How long a ticket can be used: opening a stream takes one round trip, or, where the tunnel
    /// breaks between, as long as the agent takes to come back.
    public static let time = Duration.seconds(60)

    static let field = Field.text(
        "ticket",
        "Opens the stream once, within 60 s, for the same principal.")

    /// A ticket.
    public init(_ text: String) { self.text = text }

    /// Reads a result.
    public init(_ fields: Fields) throws(Fault) { text = try fields[Self.field] }
}

/// The arguments of `file.stream`.
public struct StreamFile: CallArguments {
    /// The target.
    public var place: FilePlace
    /// The file.
    public var path: String
    /// Where to begin.
    public var offset: Int

    private static let offset = Field.count("offset", "The byte to begin at.").or(0)

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) {
        place = try FilePlace(fields)
        path = try fields[FilePlace.path]
        offset = try fields[Self.offset]
    }

    static let row = MethodRow(
        does: "gives a ticket for a raw stream of a file's content", deadline: FilePlace.deadline,
        changesTargets: false,
        arguments: FilePlace.arguments + [FilePlace.path.declaration, offset.declaration]
            + TargetAccess.arguments,
        result: FileStream.members, judgedAs: ReadFile.row.tool)
}

/// The result of `file.stream`.
public struct FileStream: Sendable, Equatable {
    /// `agent/host`.
    public var target: String
    /// The absolute path, links followed.
    public var path: String
    /// The file's size when the ticket was made.
    public var size: Int
    /// Opens the stream.
    public var ticket: StreamTicket

    private static let target = Field.text("target", "The target, as given in the call.")
    private static let path = Field.text("path", "The absolute path, links followed.")
    private static let size = Field.count("size", "The file's size in bytes now.")

    static let members = [
        target.declaration, path.declaration, size.declaration, StreamTicket.field.declaration,
    ]

    /// A result.
    public init(target: String, path: String, size: Int, ticket: StreamTicket) {
        (self.target, self.path, self.size, self.ticket) = (target, path, size, ticket)
    }

    /// Reads a result.
    public init(_ fields: Fields) throws(Fault) {
        target = try fields[Self.target]
        path = try fields[Self.path]
        size = try fields[Self.size]
        ticket = try StreamTicket(fields)
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.target, target)
        members.put(Self.path, path)
        members.put(Self.size, size)
        members.put(StreamTicket.field, ticket.text)
        return members.json
    }
}
