// Bytes to lines. Flow: standard input → LineSplitter → StdioConversation. Invariant: it never
// holds more than the limit for one line; a longer line is dropped to its end and reported once.

struct LineSplitter {
    enum Line: Equatable {
        case text([UInt8])
        case tooLong
    }

    private let limit: Int
    private var partial: [UInt8] = []
    private var isSkipping = false

    init(limit: Int) { self.limit = limit }

    /// The lines that `bytes` completes; blank ones are left out.
    mutating func feed(_ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            add(bytes[start..<end], to: &lines)
            finishLine(&lines)
            start = end + 1
        }
        add(bytes[start...], to: &lines)
        return lines
    }

    /// What follows the last line break when the input ends.
    mutating func finish() -> [Line] {
        var lines: [Line] = []
        finishLine(&lines)
        return lines
    }

    private mutating func add(_ piece: ArraySlice<UInt8>, to lines: inout [Line]) {
        guard !isSkipping else { return }
        if partial.count + piece.count > limit {
            isSkipping = true
            partial = []
            lines.append(.tooLong)
        } else {
            partial.append(contentsOf: piece)
        }
    }

    private mutating func finishLine(_ lines: inout [Line]) {
        if !isSkipping, partial.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) {
            lines.append(.text(partial))
        }
        isSkipping = false
        partial = []
    }
}
