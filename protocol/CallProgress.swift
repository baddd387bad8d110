// How far a call is that waits: asked by the relay beside it, for clients that want to see progress.
public import JSON

/// The arguments of `call.progress`.
public struct AskProgress: Sendable {
    /// The name that the call was given, in its `progress` member.
    public var call: String

    /// Reads the arguments.
    public init(_ fields: Fields) throws(Fault) { call = try fields.string("call") }
}

/// The result of `call.progress`.
public struct CallProgress: Sendable, Equatable {
    /// Bytes of output since the call came; nil: no such call waits.
    public var bytes: Int?
    /// The last line of output, at most 200 characters.
    public var line: String?

    /// What is known of a call.
    public init(bytes: Int? = nil, line: String? = nil) {
        self.bytes = bytes
        self.line = line
    }

    /// Reads a result.
    public init(json: JSON) {
        bytes = json["bytes"]?.intValue.flatMap { Int(exactly: $0) }
        line = json["line"]?.stringValue
    }

    /// As an object.
    public var json: JSON {
        var object: JSON.Object = [:]
        object.add("bytes", JSON(bytes))
        object.add("line", JSON(line))
        return .object(object)
    }
}
