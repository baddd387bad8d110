// A piece of a file as an answer shows it: text where it is text, else base64; its last lines; the
// lines that match. Pure. Invariant: offsets count the file's own bytes, and following
// `next_offset` gives every byte once.
import Crypto
import Terminal
import Wire

enum FileText {
    /// The most bytes of one line shown in a match, so that one long line does not fill the answer.
    static let lineLimit = 2000

    /// Shows bytes at an offset; unless `isEnd`, an incomplete last character is left out.
    static func show(_ bytes: [UInt8], isEnd: Bool, in content: inout FileContent) {
        let whole = isEnd ? bytes : Array(bytes.dropLast(cut(bytes)))
        if !bytes.contains(0), let text = String(validating: whole, as: UTF8.self),
            !whole.isEmpty || bytes.isEmpty
        {
            content.content = text
            content.nextOffset = content.offset + whole.count
        } else {
            content.content = Base64.encode(bytes)
            content.isBase64 = true
            content.nextOffset = content.offset + bytes.count
        }
        content.isEnd = isEnd && content.nextOffset == content.offset + bytes.count
    }

    /// The number of bytes in an incomplete last character.
    private static func cut(_ bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let byte = bytes[bytes.count - count]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
            return length > count ? count : 0
        }
        return 0
    }

    /// The offset of the last lines; a final newline belongs to the last line.
    static func tail(_ bytes: [UInt8], lines: Int, limit: Int) -> Int {
        var left = lines
        var start = bytes.count
        while start > 0, bytes.count - start < limit {
            if bytes[start - 1] == 10, start < bytes.count {
                left -= 1
                if left == 0 { break }
            }
            start -= 1
        }
        // Do not begin inside a character.
        while start < bytes.count, bytes[start] & 0b1100_0000 == 0b1000_0000 { start += 1 }
        return start
    }

    /// The lines that match, as many as fit, and how many bytes have been searched.
    static func search(
        _ bytes: [UInt8], _ pattern: LinePattern, at offset: Int, isEnd: Bool, limit: Int
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
