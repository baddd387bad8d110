// Which bytes of a log are a program's picture, not lines to read: what was drawn on the alternate
// screen, what a program that was found to have the whole terminal (top) drew on the main one, and
// the bytes of an image.
// Fed with everything that is logged, in order.
// Invariant: ranges ascend and do not overlap; at most `limit` are kept, the oldest are forgotten.

/// The parts of a log that are pictures.
public struct PictureRanges: Sendable {
    /// The most ranges that are kept, which bounds the memory of a long session.
    private static let limit = 256
    /// The most bytes of a control string that is read as a part of its line, as a title is: where
    /// output is cut, `TextCut` keeps it whole.
    private static let stringLimit = TextCut.reach

    private var closed: [Range<Int>] = []
    private var open: Int?
    /// Where the long control string that is being parsed begins.
    private var image: Int?
    /// Whether the open range is a picture on the main screen.
    private var isMain = false
    /// Whether the program that draws it has begun to leave: what follows its last sequences is
    /// lines again.
    private var isLeaving = false
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
                if isLeaving, bytes[index] != 0x1b {
                    left(with: bytes[index], at: offset + index - bytes.startIndex)
                    index += 1
                    continue
                }
                guard let escape = bytes[index...].firstIndex(of: 0x1b) else { return }
                index = escape
            }
            let place = offset + index - bytes.startIndex
            if bytes[index] == 0x1b { begun = place }
            let event = parser.take(bytes[index])
            followString(ended: event == .sequence(.string), at: place)
            if case .sequence(let kind)? = event, kind != .string {
                modes.follow(kind, parser.body)
                follow(kind, after: place + 1)
            }
            index += 1
        }
    }

    /// A program that leaves ends its picture with its last sequence, or with the line feed that
    /// follows it.
    private mutating func left(with byte: UInt8, at place: Int) {
        switch byte {
        case 13: break
        case 10: close(at: place + 1)
        default: close(at: place)
        }
    }

    /// Notes where a long string begins and ends; `place`: the offset of the newest byte, which is
    /// a part of the string that it `ended`.
    private mutating func followString(ended: Bool, at place: Int) {
        if parser.stringLength > Self.stringLimit {
            if image == nil, open == nil { image = begun }
        } else if let begin = image {
            image = nil
            // Another sequence ends a string too, and has its ESC already.
            add(begin..<(ended ? place + 1 : parser.isGround ? place : place - 1))
        }
    }

    private mutating func follow(_ kind: EscapeParser.Kind, after: Int) {
        guard !isMain else {
            if Self.isCursorKeys(kind, parser.body, on: false) { isLeaving = true }
            if Self.isCursorKeys(kind, parser.body, on: true) { isLeaving = false }
            return
        }
        if modes.isAlternate {
            if open == nil { open = after }
            drawing = nil
        } else if open != nil {
            close(at: after)
        } else if Self.isCursorKeys(kind, parser.body, on: true) {
            drawing = begun
        } else if Self.endsPicture(kind, parser.body) {
            drawing = nil
        } else if drawing == nil, Self.draws(kind, parser.body) {
            drawing = begun
        }
    }

    /// The mode of the cursor keys, which full-screen programs switch on first, and off when they
    /// leave.
    private static func isCursorKeys(
        _ kind: EscapeParser.Kind, _ body: [UInt8], on: Bool
    ) -> Bool {
        kind == .control && body == Array((on ? "?1h" : "?1l").utf8)
    }

    /// Erasing what has scrolled away as well, which `clear` does last, and a program that draws
    /// does not.
    private static func endsPicture(_ kind: EscapeParser.Kind, _ body: [UInt8]) -> Bool {
        kind == .control && body == Array("3J".utf8)
    }

    /// Whether a sequence puts the cursor or text anywhere on the screen; progress that is redrawn
    /// in the newest lines does not.
    private static func draws(_ kind: EscapeParser.Kind, _ body: [UInt8]) -> Bool {
        switch kind {
        case .escape: body == [UInt8(ascii: "M")]
        case .control:
            body == Array("2J".utf8)
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
        closed.removeAll { $0.lowerBound >= drawing }
        image = nil
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
        if let image { add(image..<offset) }
        image = nil
        drawing = nil
        parser = EscapeParser()
        modes = TerminalModes()
    }

    /// The parts of `range` outside of pictures.
    public func visible(in range: Range<Int>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        let last = (open ?? image).map { [$0..<Int.max] } ?? []
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
        (self.open, isMain, isLeaving) = (nil, false, false)
        add(open..<max(open, offset))
    }

    private mutating func add(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        // An image may come in many strings, one behind the other.
        if let last = closed.last, last.upperBound == range.lowerBound {
            closed[closed.count - 1] = last.lowerBound..<range.upperBound
            return
        }
        if closed.count == Self.limit { closed.removeFirst() }
        closed.append(range)
    }
}
