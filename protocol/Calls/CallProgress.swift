// `call.progress`: the progress of a waiting call. The relay asks for it during the call, for
// clients that want to see progress.
public import JSON

/// The arguments of `call.progress`.
public struct AskProgress: CallArguments {
    /// The name that the call has in its `params.progress`.
    public var call: String

    private static let call = Field.text(
        "call", "The params.progress name of a call of the same principal.")

    /// Asks about a call.
    public init(of call: String) { self.call = call }

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { call = try fields[Self.call] }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.call, call)
        return members.json
    }

    static let row = MethodRow(
        does:
            "reports the progress of a waiting call; asked once a second if the client wants it",
        deadline: Deadline(.seconds(5)), changesTargets: false, arguments: [call.declaration],
        result: CallProgress.members)
}

/// The result of `call.progress`.
public struct CallProgress: Sendable, Equatable {
    /// Bytes of output since the call arrived; nil if no such call waits.
    public var bytes: Int?
    /// The last line of output, at most 200 characters.
    public var line: String?

    private static let bytes = Field.count(
        "bytes", "Bytes of output since the call arrived; absent if no such call waits."
    ).optional
    private static let line = Field.text(
        "line",
        "The last line of the output, or before there is any, what the login waits for; at "
            + "most 200 characters."
    ).optional

    static let members = [bytes.declaration, line.declaration]

    /// The progress of a call.
    public init(bytes: Int? = nil, line: String? = nil) {
        self.bytes = bytes
        self.line = line
    }

    /// Reads a result; what is not of its kind counts as absent.
    public init(json: JSON) {
        let fields = Fields(object: json.objectValue ?? [:])
        bytes = (try? fields[Self.bytes]) ?? nil
        line = (try? fields[Self.line]) ?? nil
    }

    /// As an object.
    public var json: JSON {
        var members = Members()
        members.put(Self.bytes, bytes)
        members.put(Self.line, line)
        return members.json
    }
}
