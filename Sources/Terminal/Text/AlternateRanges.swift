// Which bytes of a log are a program's picture, not lines to read: what was drawn on the alternate
// screen, and what a program that was found to have the whole terminal (top) drew on the main one.
// Fed with everything that is logged, in order.
// Invariant: ranges ascend and do not overlap; at most `limit` are kept, the oldest are forgotten.

/// The parts of a log that are pictures.
public struct AlternateRanges: Sendable {
    /// The most ranges that are kept, which bounds the memory of a long session.
    private static let limit = 256

    private var closed: [Range<Int>] = []
    private var open: Int?
    /// Whether the open range is a picture on the main screen.
    private var isMain = false
    /// Where the newest sequences begin that would draw a picture on the main screen.
    private var drawing: Int?
    /// Where the sequence that is being parsed begins.
    private var begun = 0
    private var parser = EscapeParser()
    private var modes = TerminalModes()

    /// No ranges.
    public init() {}

    /// Examines bytes that are logged from `offset` on.
    public mutating func scan(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if parser.isGround {
                guard let escape = bytes[index...].firstIndex(of: 0x1b) else { return }
                index = escape
                begun = offset + index - bytes.startIndex
            }
            if case .sequence(let kind)? = parser.take(bytes[index]), kind != .string {
                modes.follow(kind, parser.body)
                follow(kind, after: offset + index + 1 - bytes.startIndex)
            }
            index += 1
        }
    }

    private mutating func follow(_ kind: EscapeParser.Kind, after: Int) {
        guard !isMain else { return }
        if modes.isAlternate {
            if open == nil { open = after }
            drawing = nil
        } else if open != nil {
            close(at: after)
        } else if Self.beginsProgram(kind, parser.body) {
            drawing = begun
        } else if drawing == nil, Self.draws(kind, parser.body) {
            drawing = begun
        }
    }

    /// The mode of the cursor keys, which full-screen programs switch on first.
    private static func beginsProgram(_ kind: EscapeParser.Kind, _ body: [UInt8]) -> Bool {
        kind == .control && body == Array("?1h".utf8)
    }

    /// Whether a sequence puts the cursor or text anywhere on the screen; progress that is redrawn
    /// in the newest lines does not.
    private static func draws(_ kind: EscapeParser.Kind, _ body: [UInt8]) -> Bool {
        switch kind {
        case .escape: body == [UInt8(ascii: "M")]
        case .control:
            body == Array("2J".utf8) || body == Array("3J".utf8)
                || body.last.map(placing.contains) ?? false && body.first != UInt8(ascii: "?")
        case .string: false
        }
    }

    private static let placing = Set("HfdrLMST".utf8)

    /// Whether a picture is being drawn.
    public var isDrawing: Bool { open != nil }

    /// Notes that the program has the whole terminal: what it draws on the main screen is a
    /// picture.
    public mutating func takeScreen() {
        guard open == nil, let drawing else { return }
        (open, isMain) = (drawing, true)
    }

    /// Notes that the program does not have the whole terminal after all: what follows `offset` is
    /// lines again.
    public mutating func leaveScreen(at offset: Int) {
        if isMain { close(at: offset) }
        drawing = nil
    }

    /// Notes that the program has ended: what follows `offset` is lines again.
    public mutating func leave(at offset: Int) {
        close(at: offset)
        drawing = nil
        parser = EscapeParser()
        modes = TerminalModes()
    }

    /// The parts of `range` outside of pictures.
    public func visible(in range: Range<Int>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        let last = open.map { [$0..<Int.max] } ?? []
        for hidden in closed + last where hidden.upperBound > start {
            guard hidden.lowerBound < range.upperBound else { break }
            if hidden.lowerBound > start { parts.append(start..<hidden.lowerBound) }
            start = min(hidden.upperBound, range.upperBound)
        }
        if start < range.upperBound { parts.append(start..<range.upperBound) }
        return parts
    }

    private mutating func close(at offset: Int) {
        guard let open else { return }
        (self.open, isMain) = (nil, false)
        guard offset > open else { return }
        if closed.count == Self.limit { closed.removeFirst() }
        closed.append(open..<offset)
    }
}
