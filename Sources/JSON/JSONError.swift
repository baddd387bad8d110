// Why bytes are not acceptable JSON, and how much is accepted. Offsets count bytes from the start.

/// Why bytes were refused.
public enum JSONError: Error, Equatable, Sendable {
    /// The text stops in the middle of a value.
    case unexpectedEnd
    /// A byte that is not allowed here.
    case unexpectedByte(at: Int)
    /// A string with a raw control byte, a bad escape or half a surrogate pair.
    case invalidString(at: Int)
    /// A string that is not UTF-8.
    case invalidUTF8(at: Int)
    /// A number outside the grammar, or too large for a double.
    case invalidNumber(at: Int)
    /// Nested deeper than `JSONLimits.depth`.
    case tooDeep(at: Int)
    /// More values than `JSONLimits.values`.
    case tooMany(at: Int)
    /// More bytes than `JSONLimits.bytes`.
    case tooLarge
    /// An object was needed.
    case notAnObject
    /// An array was needed.
    case notAnArray
}

extension JSONError: CustomStringConvertible {
    /// One plain line.
    public var description: String {
        switch self {
        case .unexpectedEnd: "JSON ends too early: send the whole message"
        case .unexpectedByte(let at): "JSON has an unexpected character at byte \(at)"
        case .invalidString(let at):
            "JSON string at byte \(at) has a control character, a bad escape or half a surrogate"
        case .invalidUTF8(let at): "JSON string at byte \(at) is not UTF-8"
        case .invalidNumber(let at): "JSON number at byte \(at) is malformed or out of range"
        case .tooDeep(let at): "JSON is nested too deeply at byte \(at): flatten it"
        case .tooMany(let at): "JSON has too many values, by byte \(at): send fewer at once"
        case .tooLarge: "JSON is larger than allowed: send less at once"
        case .notAnObject: "JSON object expected"
        case .notAnArray: "JSON array expected"
        }
    }
}

/// The limits of what a reader accepts.
public struct JSONLimits: Sendable, Equatable {
    /// The deepest nesting, which also bounds the reader's stack.
    public var depth: Int
    /// Longest text in bytes.
    public var bytes: Int
    /// Most values, the members of objects and the elements of lists included: each costs memory
    /// and time beyond its text.
    public var values: Int

    /// Limits for one reader.
    public init(depth: Int = 128, bytes: Int = 1 << 30, values: Int = .max) {
        self.depth = depth
        self.bytes = bytes
        self.values = values
    }

    /// 128 levels; the code that fills the buffer limits the size.
    public static let standard = JSONLimits()
}
