// A piece of a file as an answer shows it: as text, escaped or as base64; and its last lines. Pure.
// Invariant: offsets count the file's own bytes, content begins and ends between characters, and
// following `next_offset` gives every byte once.
import Crypto
import Wire

enum FileText {
    /// The most bytes of a UTF-8 character.
    static let longestCharacter = 4
    /// How many bytes that are not UTF-8 any text may have; in longer text it is every tenth byte.
    private static let oddLimit = 8

    /// Bytes of a file that have been read.
    struct Piece {
        /// The bytes: where there are any, up to three before what is to be shown, and four after
        /// it.
        let bytes: [UInt8]
        /// The offset of the first byte in the file.
        let offset: Int
        /// Whether the last byte is the file's last.
        let isEnd: Bool
    }

    /// Shows a piece from `offset` on, with at most `limit` bytes of content.
    ///
    /// One character is shown even if it is longer than `limit`.
    static func show(
        _ piece: Piece, from offset: Int, limit: Int, as encoding: FileEncoding,
        in content: inout FileContent
    ) {
        let place = min(max(0, offset - piece.offset), piece.bytes.count)
        let end = min(place + limit, piece.bytes.count)
        let (first, next): (Int, Int)
        if encoding == .base64 || (encoding == .text && isBinary(piece.bytes[place..<end])) {
            (first, next) = (place, end)
            content.content = Base64.encode(Array(piece.bytes[place..<end]))
            content.encoding = .base64
        } else {
            first = start(ofCharacterAt: place, in: piece.bytes)
            next = text(piece.bytes, first, max(end, first), limit, as: encoding, in: &content)
        }
        content.offset = offset + first - place
        content.nextOffset = content.offset + next - first
        content.isEnd = piece.isEnd && next == piece.bytes.count
    }

    /// Whether bytes are shown as base64 rather than as text with some odd bytes.
    private static func isBinary(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.contains(0) { return true }
        if String(validating: bytes, as: UTF8.self) != nil { return false }
        let most = max(oddLimit, bytes.count / 10)
        var (odd, place) = (0, bytes.startIndex)
        while place < bytes.endIndex, odd <= most {
            let length = length(ofCharacterAt: place, in: bytes)
            if length == 0 { odd += 1 }
            place += max(1, length)
        }
        return odd > most
    }

    /// Writes the text of `bytes[first..<end]`; returns where it ends.
    private static func text(
        _ bytes: [UInt8], _ first: Int, _ end: Int, _ limit: Int, as encoding: FileEncoding,
        in content: inout FileContent
    ) -> Int {
        content.encoding = encoding
        // Nearly all text is all UTF-8, which is checked faster than character by character.
        let last = start(ofCharacterAt: end, in: bytes)
        if encoding == .text, last > first || first == end,
            let text = String(validating: bytes[first..<last], as: UTF8.self)
        {
            content.content = text
            return last
        }
        var shown: [UInt8] = []
        var place = first
        while place < end {
            let length = length(ofCharacterAt: place, in: bytes[...])
            var next = Array(bytes[place..<place + length])
            if length == 0 {
                next = encoding == .escaped ? Array(escape(bytes[place]).utf8) : [0xef, 0xbf, 0xbd]
            } else if encoding == .escaped, next == [0x5c] {
                next = [0x5c, 0x5c]
            }
            let isTooLong =
                encoding == .escaped
                ? shown.count + next.count > limit : place + length > end
            guard !isTooLong || place == first else { break }
            if length == 0, encoding == .text { content.invalidBytes += 1 }
            shown += next
            place += max(1, length)
        }
        content.content = String(decoding: shown, as: UTF8.self)
        return place
    }

    private static func escape(_ byte: UInt8) -> String {
        "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    /// The beginning of the character that a place is inside of; the place itself if it is inside
    /// none.
    private static func start(ofCharacterAt place: Int, in bytes: [UInt8]) -> Int {
        guard place < bytes.count, bytes[place] & 0b1100_0000 == 0b1000_0000 else { return place }
        for back in 1..<longestCharacter where place >= back {
            if length(ofCharacterAt: place - back, in: bytes[...]) > back { return place - back }
        }
        return place
    }

    /// The length of the UTF-8 character that begins at a place; 0 if none does.
    private static func length(ofCharacterAt place: Int, in bytes: ArraySlice<UInt8>) -> Int {
        let length: Int
        switch bytes[place] {
        case 1..<0x80: return 1
        case 0xc2...0xdf: length = 2
        case 0xe0...0xef: length = 3
        case 0xf0...0xf4: length = 4
        default: return 0
        }
        guard place + length <= bytes.endIndex else { return 0 }
        let isOne = String(validating: bytes[place..<place + length], as: UTF8.self) != nil
        return isOne ? length : 0
    }

    /// The last lines of bytes: where those that fit begin, and where all that are wanted begin.
    ///
    /// A final newline belongs to the last line. Bytes that do not begin at the file's start
    /// (`isStart`) may begin inside a line, which is not shown. If the last line alone is longer
    /// than `limit`, its end is shown.
    static func tail(
        _ bytes: [UInt8], lines: Int, limit: Int, isStart: Bool = true
    ) -> (place: Int, wanted: Int) {
        var (place, wanted) = (bytes.count, bytes.count)
        var left = lines
        var end = bytes.count
        while left > 0, end > 0 {
            let newline = bytes[..<(end - 1)].lastIndex(of: 10)
            guard newline != nil || isStart else {
                wanted = 0
                break
            }
            end = newline.map { $0 + 1 } ?? 0
            wanted = end
            if bytes.count - end <= limit { place = end }
            left -= 1
        }
        if place == bytes.count, wanted < place {
            place = max(0, bytes.count - limit)
            // Not inside a character.
            while place < bytes.count, bytes[place] & 0b1100_0000 == 0b1000_0000 { place += 1 }
        }
        return (place, wanted)
    }
}
