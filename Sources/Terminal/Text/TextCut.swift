// Where output may be cut so that its parts clean to the same text as the whole: after a line, else
// between characters and escape sequences. Invariant: a cut is never past the bytes given.

/// Places to cut raw output.
public enum TextCut {
    /// Bytes after which an unfinished escape sequence or character is cut all the same.
    static let reach = 256

    /// How many of `bytes` to take: up to the last line end in the last quarter, else up to the
    /// last whole character.
    public static func head(_ bytes: ArraySlice<UInt8>) -> Int {
        let floor = bytes.startIndex + bytes.count * 3 / 4
        if let line = bytes.lastIndex(of: 10), line >= floor { return line + 1 - bytes.startIndex }
        return whole(bytes)
    }

    /// How many of `bytes` to skip so that the rest begins with a line or at least a character.
    public static func tail(_ bytes: ArraySlice<UInt8>) -> Int {
        let quarter = bytes.prefix(bytes.count / 4)
        if let line = quarter.firstIndex(of: 10) { return line + 1 - bytes.startIndex }
        return bytes.prefix(4).prefix { $0 & 0xc0 == 0x80 }.count
    }

    /// How many of `bytes` are complete: without an unfinished character, CR or escape sequence at
    /// the end.
    public static func whole(_ bytes: ArraySlice<UInt8>) -> Int {
        var count = bytes.count
        if let escape = bytes.suffix(reach).lastIndex(of: 0x1b), !isOver(bytes[escape...]) {
            count = escape - bytes.startIndex
        }
        let kept = bytes.prefix(count)
        return kept.last == 13 ? count - 1 : character(kept)
    }

    /// How many of `bytes` to take so that no character is cut.
    public static func character(_ kept: ArraySlice<UInt8>) -> Int {
        let count = kept.count
        for back in 1...3 where back <= kept.count {
            let byte = kept[kept.endIndex - back]
            if byte & 0xc0 == 0x80 { continue }
            let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
            return length > back ? count - back : count
        }
        return count
    }

    private static func isOver(_ sequence: ArraySlice<UInt8>) -> Bool {
        let rest = sequence.dropFirst()
        guard let first = rest.first else { return false }
        switch first {
        case UInt8(ascii: "["): return rest.dropFirst().contains { $0 >= 0x40 && $0 <= 0x7e }
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"),
            UInt8(ascii: "_"), UInt8(ascii: "k"):
            return rest.contains { $0 == 7 || $0 == 10 }
        case 0x20...0x2f: return rest.contains { $0 >= 0x30 }
        default: return true
        }
    }
}
