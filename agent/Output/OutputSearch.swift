// Looks for a pattern in a session's output as clean lines, from an offset on, a bounded piece at a
// time. The line that has no end yet is looked at in the shape it has, and again when more has come.
// Invariant: no byte is skipped that the log still has; one step costs a few milliseconds at most.
import Loop
import Terminal

/// A search that goes on with the output.
@IO struct OutputSearch {
    /// What one step came to.
    enum Step { case found, more, caughtUp }

    private static let chunk = 64 << 10
    /// Steps of the pattern's program times bytes, in one turn.
    private static let work = 1 << 20

    private var matcher: LineMatcher
    private let slice: Int
    /// Where the first line begins that is not done with.
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

    /// Searches a piece of what there is; `more`: there is more to search at once.
    mutating func step(_ log: OutputLog) -> Step {
        if text.isEmpty {
            guard log.end != seen else { return .caughtUp }
            load(log)
        }
        var rest = text.prefix(slice)
        if rest.count < text.count { rest = rest.prefix(max(1, TextCut.character(rest))) }
        text = text.dropFirst(rest.count)
        while let end = rest.firstIndex(of: 10) {
            if matcher.finds(in: rest[..<end]) || matcher.findsAtEnd() { return .found }
            matcher.begin()
            rest = rest[(end + 1)...]
        }
        if matcher.finds(in: rest) { return .found }
        guard text.isEmpty else { return .more }
        if isOpenLine {
            if matcher.findsAtEnd() { return .found }
            matcher.begin()
        }
        return log.end == seen ? .caughtUp : .more
    }

    /// Cleans the next lines, or what there is of the last one.
    private mutating func load(_ log: OutputLog) {
        let lower = min(max(next, log.start), log.end)
        var upper = min(log.end, lower + Self.chunk)
        let bytes = log.bytes(lower..<upper)
        isOpenLine = false
        if let end = bytes.lastIndex(of: 10) {
            upper = lower + end + 1
            next = upper
        } else if upper < log.end {
            // A line without end is searched in pieces.
            next = upper
            isOpenLine = true
        } else {
            upper = lower + TextCut.whole(bytes[...])
            isOpenLine = true
            seen = log.end
        }
        if next == log.end { seen = log.end }
        var cleaner = CleanText()
        for part in log.alternate.visible(in: lower..<upper) {
            cleaner.append(log.bytes(part)[...])
        }
        text = cleaner.finish()[...]
    }
}
