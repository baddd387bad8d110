// Which bytes of a log were drawn on the alternate screen: they are a program's picture, not lines
// to read. Fed with everything that is logged, in order.
// Invariant: ranges ascend and do not overlap; at most `limit` are kept, the oldest are forgotten.

/// The parts of a log that belong to the alternate screen.
public struct AlternateRanges: Sendable {
    /// The most ranges that are kept, which bounds the memory of a long session.
    private static let limit = 256

    private var closed: [Range<Int>] = []
    private var open: Int?
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
            }
            if case .sequence(let kind)? = parser.take(bytes[index]), kind != .string {
                modes.follow(kind, parser.body)
                let after = offset + index + 1 - bytes.startIndex
                if modes.isAlternate, open == nil { open = after }
                if !modes.isAlternate { close(at: after) }
            }
            index += 1
        }
    }

    /// Notes that the program has ended: what follows `offset` is lines again.
    public mutating func leave(at offset: Int) {
        close(at: offset)
        parser = EscapeParser()
        modes = TerminalModes()
    }

    /// The parts of `range` outside the alternate screen.
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
        self.open = nil
        guard offset > open else { return }
        if closed.count == Self.limit { closed.removeFirst() }
        closed.append(open..<offset)
    }
}
