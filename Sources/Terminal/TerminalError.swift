// Errors in a request to a terminal, found before anything is typed.

/// Why something cannot be typed.
public enum TerminalError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The command contains a NUL byte, which no shell accepts.
    case commandHoldsNUL
    /// The command is longer than the limit.
    case commandTooLong(bytes: Int, limit: Int)
    /// No key has this name.
    case unknownKey(String)
    /// A pattern that cannot be searched for, and why.
    case badPattern(String)

    /// One plain line that says what to do next.
    public var description: String {
        switch self {
        case .commandHoldsNUL:
            "the command holds a NUL byte, which no shell accepts; write it as \\0 inside printf"
        case .commandTooLong(let bytes, let limit):
            "the command has \(bytes) bytes, more than \(limit); write it to a file and run that"
        case .badPattern(let why): "\"until\" is not a usable regular expression: \(why)"
        case .unknownKey(let name):
            "there is no key \"\(name)\"; use names such as enter, tab, esc, up, page-down, ctrl-c, alt-x, f1"
        }
    }
}
