// The lines of a file that match a pattern (`grep`). Pure.
// Invariant: following `next_offset` searches every line once.
import Terminal
import Wire

enum FileSearch {
    /// The most bytes of one line shown in a match, so that one long line does not fill the answer.
    static let lineLimit = 2000

    /// The lines that match, as many as fit, and how many bytes have been searched.
    static func lines(
        in bytes: [UInt8], matching pattern: LinePattern, at offset: Int, isEnd: Bool, limit: Int
    ) -> (matches: [FileContent.Match], done: Int) {
        var matcher = LineMatcher(pattern)
        var matches: [FileContent.Match] = []
        var (place, number, used) = (0, 1, 0)
        while place < bytes.count {
            let end = bytes[place...].firstIndex(of: 10)
            // An incomplete last line is left for the next call, unless it is all there is.
            if end == nil, !isEnd, place > 0 { break }
            var line = bytes[place..<(end ?? bytes.count)]
            if line.last == 13 { line.removeLast() }
            matcher.begin()
            if matcher.finds(in: line) || matcher.findsAtEnd() {
                let text = String(decoding: line.prefix(lineLimit), as: UTF8.self)
                guard used + text.utf8.count <= limit || matches.isEmpty else { break }
                used += text.utf8.count
                matches.append(
                    .init(line: offset == 0 ? number : nil, offset: offset + place, text: text))
            }
            number += 1
            place = end.map { $0 + 1 } ?? bytes.count
        }
        return (matches, place)
    }
}
