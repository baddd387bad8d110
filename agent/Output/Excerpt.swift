// The part of a log that fits into one answer: all of it, or its head and tail with the exact
// number of bytes left out between. Invariant: cuts fall between lines or at least between
// characters, and `omittedBytes` counts bytes of the log, which can be read by offset.
import Loop
import Terminal

/// Output for one answer.
struct Excerpt {
    /// Clean text, with a line that says what is left out.
    var text = ""
    /// Bytes left out between head and tail.
    var omittedBytes = 0
    /// Bytes that the log does not have any more.
    var lostBytes = 0
    /// The offset at which the next read continues.
    var nextOffset: Int
    /// Whether all bytes shown are UTF-8; others are replaced in the text.
    var isUTF8 = true

    /// Cleaning can shrink redrawn lines a lot: up to this many bytes are cleaned to see if they
    /// fit.
    private static let cleanLimit = 256 << 10

    /// Head and tail of a range; `isOver`: nothing will follow, so an incomplete character is kept.
    @IO init(_ log: OutputLog, _ range: Range<Int>, maxBytes: Int, isOver: Bool) {
        let lower = min(max(range.lowerBound, log.start), range.upperBound)
        lostBytes = lower - range.lowerBound
        nextOffset = range.upperBound
        let count = range.upperBound - lower
        let visible = log.alternate.visible(in: lower..<range.upperBound)
        if visible.reduce(0, { $0 + $1.count }) <= max(maxBytes, Self.cleanLimit) {
            if !isOver, let last = visible.last, last.upperBound == range.upperBound {
                let bytes = log.bytes(last)[...]
                nextOffset = last.lowerBound + TextCut.whole(bytes)
            }
            let clean = cleaned(log, lower..<nextOffset)
            if clean.utf8.count <= maxBytes {
                text = clean
                return
            }
        }
        // Two thirds for the tail, as errors tend to be at the end.
        let headSize = min(maxBytes / 3, count)
        let head = log.bytes(lower..<(lower + headSize))[...]
        let headEnd = lower + TextCut.head(head)
        let tailSize = min(maxBytes - headSize, range.upperBound - headEnd)
        var tail = log.bytes((range.upperBound - tailSize)..<range.upperBound)[...]
        if !isOver { tail = tail.prefix(TextCut.whole(tail)) }
        let skipped = TextCut.tail(tail)
        nextOffset = range.upperBound - tailSize + tail.count
        omittedBytes = nextOffset - tail.count + skipped - headEnd
        text = cleaned(log, lower..<headEnd)
        guard maxBytes > 0 else { return }
        if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
        text += "[... \(omittedBytes) bytes omitted; read from offset \(headEnd) ...]\n"
        text += cleaned(log, (nextOffset - tail.count + skipped)..<nextOffset)
    }

    /// The lines of a range, without pictures.
    @IO private mutating func cleaned(_ log: OutputLog, _ range: Range<Int>) -> String {
        var cleaner = CleanText(trims: log.isTerminal)
        for part in log.alternate.visible(in: range) {
            let bytes = log.bytes(part)
            if String(validating: bytes, as: UTF8.self) == nil { isUTF8 = false }
            cleaner.append(bytes[...])
        }
        return String(decoding: cleaner.finish(), as: UTF8.self)
    }

    /// As much of a range as fits, from its beginning.
    @IO init(
        _ log: OutputLog, from offset: Int, to end: Int, maxBytes: Int, raw: Bool, isOver: Bool
    ) {
        let kept = min(max(offset, log.start), end)
        lostBytes = max(0, kept - offset)
        // A picture may be longer than many answers, and is in none of them.
        let lower =
            raw ? kept : log.alternate.visible(in: kept..<end).first?.lowerBound ?? end
        let upper = min(end, lower + maxBytes)
        var bytes = log.bytes(lower..<upper)[...]
        if upper < end || !isOver {
            var kept = raw ? TextCut.character(bytes) : TextCut.whole(bytes)
            if upper < end, !raw { kept = TextCut.head(bytes) }
            // A limit smaller than one character or sequence must not stop the reader.
            if kept == 0, upper < end { kept = bytes.count }
            bytes = bytes.prefix(kept)
        }
        nextOffset = lower + bytes.count
        text =
            raw ? String(decoding: bytes, as: UTF8.self) : cleaned(log, lower..<nextOffset)
    }
}
