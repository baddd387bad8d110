// What a client types at a shell's prompt outside of any command: text without Enter, keys, lines.
// Such input has no number and no mark of its own; the next prompt tells that it is over.
// Invariant: a prompt ends it only where nothing was typed behind the last Enter.

/// A client's own input at the prompt, until it is over.
public struct TypedInput: Sendable, Equatable {
    /// Where the output begins that it brings.
    public let begin: Int
    /// A line of it was entered: what it started may run.
    public private(set) var isEntered = false
    /// Ctrl-C was typed since.
    public private(set) var isInterrupted = false
    /// The shell wants more of the line that was entered last.
    public internal(set) var wantsMore = false
    /// Something was typed behind the last Enter: it is in the line editor.
    var hasTail = false
    /// The prompt before it has not come yet.
    var isPromptOwed: Bool

    init(begin: Int, isPromptOwed: Bool = false) {
        self.begin = begin
        self.isPromptOwed = isPromptOwed
    }

    /// Input at a prompt, as a test of what follows from it needs it.
    public init(begin: Int, typing bytes: [UInt8], wantsMore: Bool = false) {
        self.init(begin: begin)
        type(bytes)
        self.wantsMore = wantsMore
    }

    /// Follows what is typed.
    mutating func type(_ bytes: [UInt8]) {
        if bytes.contains(10) || bytes.contains(13) { (isEntered, isInterrupted) = (true, false) }
        if bytes.contains(Keys.interrupt) { isInterrupted = true }
        wantsMore = false
        if let last = bytes.lastIndex(where: { [10, 13, Keys.interrupt].contains($0) }) {
            hasTail = last < bytes.count - 1
        } else {
            hasTail = hasTail || !bytes.isEmpty
        }
    }

    /// The line editor holds nothing more of it.
    mutating func clear() { hasTail = false }

    /// The prompt has come, and what was typed behind the last Enter is there.
    mutating func restart() { (isEntered, isInterrupted, wantsMore) = (false, false, false) }
}
