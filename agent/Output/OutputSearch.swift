// Searches the clean lines of a session's output for a pattern, from an offset on, a bounded piece
// at a time. An unfinished line is searched as it stands, and again when more arrives.
// Invariant: no byte is skipped that the log still has; one step costs a few milliseconds at most.
import Loop
import Terminal

/// A search that follows the output.
@IO struct OutputSearch {
    /// The outcome of one step.
    enum Step { case found, more, caughtUp }

    /// The most bytes that are cleaned at once: a fraction of a turn's work.
    private static let chunk = 64 << 10
    /// The work of one step, in pattern instructions times bytes: a few milliseconds.
    private static let work = 1 << 20

    private var matcher: LineMatcher
    private let slice: Int
    /// The offset of the first line that is not fully searched.
    private var next: Int
    private var text: ArraySlice<UInt8> = []
    private var isOpenLine = false
    private var seen = -1

    /// A search from an offset on.
    init(_ pattern: LinePattern, from offset: Int) {
        matcher = LineMatcher(pattern)
        slice = min(max(Self.work / pattern.size, 1024), Self.chunk)
        next = offset
    }

    /// Searches the next piece of the output up to `end` (nil: all of it); `more`: the rest can be
    /// searched at once.
    mutating func step(_ log: OutputLog, upTo end: Int? = nil) -> Step {
        let end = end ?? log.end
        if text.isEmpty {
            guard end != seen else { return .caughtUp }
            load(log, end)
        }
        var rest = text.prefix(slice)
        if rest.count < text.count { rest = rest.prefix(max(1, TextCut.character(rest))) }
        text = text.dropFirst(rest.count)
        while let line = rest.firstIndex(of: 10) {
            if matcher.finds(in: rest[..<line]) || matcher.findsAtEnd() { return .found }
            matcher.begin()
            rest = rest[(line + 1)...]
        }
        if matcher.finds(in: rest) { return .found }
        guard text.isEmpty else { return .more }
        if isOpenLine {
            if matcher.findsAtEnd() { return .found }
            matcher.begin()
        }
        return end == seen ? .caughtUp : .more
    }

    /// Cleans the next lines, or the part of the last one that has arrived.
    private mutating func load(_ log: OutputLog, _ end: Int) {
        let lower = min(max(next, log.start), end)
        var upper = min(end, lower + Self.chunk)
        let bytes = log.bytes(lower..<upper)
        isOpenLine = false
        if let line = bytes.lastIndex(of: 10) {
            upper = lower + line + 1
            next = upper
        } else if upper < end {
            // A line without end is searched in pieces.
            next = upper
            isOpenLine = true
        } else {
            upper = lower + TextCut.whole(bytes[...])
            isOpenLine = true
            seen = end
        }
        if next == end { seen = end }
        var cleaner = CleanText(trims: log.isTerminal)
        for part in log.alternate.visible(in: lower..<upper) {
            cleaner.append(log.bytes(part)[...])
        }
        text = cleaner.finish()[...]
    }
}
