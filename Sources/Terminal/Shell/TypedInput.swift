// What a client types at a shell's prompt outside any command: text without Enter, keys, lines.
// Such input has neither a number nor marks; the next prompt shows that it is over.
// Invariant: a prompt ends it only if nothing was typed after the last Enter.

/// A client's own input at the prompt, until it is over.
public struct TypedInput: Sendable, Equatable {
    /// The offset where its output begins.
    public let begin: Int
    /// Whether a line of it was entered, so that a program may be running.
    public private(set) var isEntered = false
    /// Whether Ctrl-C was typed since.
    public private(set) var isInterrupted = false
    /// Whether the shell wants more of the line that was entered last.
    public internal(set) var wantsMore = false
    /// Whether something was typed after the last Enter, and is in the line editor.
    public internal(set) var hasTail = false
    /// Whether the prompt before it has not come yet.
    public internal(set) var isPromptOwed: Bool

    init(begin: Int, isPromptOwed: Bool = false) {
        self.begin = begin
        self.isPromptOwed = isPromptOwed
    }

    /// Input at a prompt; for tests.
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

    /// Notes that the line editor contains nothing more of it.
    mutating func clear() { hasTail = false }

    /// Notes that the prompt has come, with what was typed after the last Enter.
    mutating func restart() { (isEntered, isInterrupted, wantsMore) = (false, false, false) }
}
