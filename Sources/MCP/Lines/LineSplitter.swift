// Bytes to lines. Flow: standard input → LineSplitter → StdioConversation. Invariant: it never
// holds more than the limit for one line; a longer line is dropped, and reported once at its end.

struct LineSplitter {
    enum Line: Equatable {
        case text([UInt8])
        /// A line over the limit, with the id of its message if it has one.
        case tooLong(RequestID?)
    }

    private let limit: Int
    private var partial: [UInt8] = []
    /// Reads the line that is being dropped.
    private var skim: MessageSkim?

    init(limit: Int) { self.limit = limit }

    /// The lines that `bytes` completes; blank ones are left out.
    mutating func feed(_ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            add(bytes[start..<end])
            finishLine(&lines)
            start = end + 1
        }
        add(bytes[start...])
        return lines
    }

    /// What follows the last line break when the input ends.
    mutating func finish() -> [Line] {
        var lines: [Line] = []
        finishLine(&lines)
        return lines
    }

    private mutating func add(_ piece: ArraySlice<UInt8>) {
        if skim == nil, partial.count + piece.count > limit {
            skim = MessageSkim()
            skim?.feed(partial[...])
            partial = []
        }
        if skim == nil { partial.append(contentsOf: piece) } else { skim?.feed(piece) }
    }

    private mutating func finishLine(_ lines: inout [Line]) {
        let text = partial.withoutByteOrderMark
        if let skim {
            lines.append(.tooLong(skim.id))
        } else if text.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) {
            lines.append(.text(text))
        }
        skim = nil
        partial = []
    }
}

extension [UInt8] {
    /// The bytes without the U+FEFF that .NET and PowerShell write before UTF-8.
    var withoutByteOrderMark: [UInt8] {
        starts(with: [0xEF, 0xBB, 0xBF]) ? Array(dropFirst(3)) : self
    }
}
