// The answers of a terminal to programs that ask it something: libvterm's where they depend on what
// was drawn, the rest from TerminalQuery. Whoever feeds the screen takes them and decides whether
// they are sent. Invariant: at most `replyLimit` bytes wait to be taken.
import CVTerm
import Terminal

extension Screen {
    /// The most bytes of answers that are kept: more than 100 answers, while programs ask for a
    /// dozen.
    private static let replyLimit = 4096

    /// What libvterm answers.
    static let onReply:
        @convention(c) (
            UnsafePointer<CChar>?, Int, UnsafeMutableRawPointer?
        ) -> Void = { text, count, user in
            guard let text, let user else { return }
            let screen = Unmanaged<Screen>.fromOpaque(user).takeUnretainedValue()
            screen.reply(UnsafeRawBufferPointer(start: text, count: count))
        }

    /// The answers to what was asked since the last call, in the order of the questions.
    public func takeReplies() -> [UInt8] {
        defer { replies = [] }
        return replies
    }

    func answer(_ query: TerminalQuery) {
        switch query {
        case .drawn(let bytes): write(bytes)
        case .alternate(let mode): reply("\u{1b}[?\(mode);\(isAlternate ? 1 : 2)$y".utf8)
        case .size(let kind): reply("\u{1b}[\(kind);\(rowCount);\(columns)t".utf8)
        case .fixed(let bytes): reply(bytes)
        }
    }

    private func reply(_ bytes: some Collection<UInt8>) {
        guard !isRestoring, replies.count + bytes.count <= Self.replyLimit else { return }
        replies.append(contentsOf: bytes)
    }
}

extension TerminalModes {
    /// Sequences that switch these modes on in a new terminal.
    var restoring: String {
        let mouse: Int? =
            switch mouse {
            case .off: nil
            case .click: 1000
            case .drag: 1002
            case .move: 1003
            }
        let modes =
            (applicationCursorKeys ? [1] : []) + (bracketsPaste ? [2004] : [])
            + (mouse.map { [$0] } ?? [])
        return modes.map { "\u{1b}[?\($0)h" }.joined()
    }
}
