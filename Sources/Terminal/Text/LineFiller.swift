// What fish draws when a prompt is due: a sign and blanks up to the terminal's right edge, so that
// output without a final line feed keeps its own line. It cannot be switched off.
// Invariant: a line without the filler is kept as it is, if it shows anything.

/// The filler at the end of output.
enum LineFiller {
    private static let signs = [Array("\u{23ce}".utf8), Array("^J".utf8)]
    /// The fewest blanks of a filler: no terminal is so narrow that fewer are drawn.
    private static let blanks = 8

    /// A line without the filler and what follows; empty if nothing visible is left.
    static func removed(from line: [UInt8]) -> ArraySlice<UInt8> {
        let rest = start(in: line).map { line[..<$0] } ?? line[...]
        return CleanText.clean(rest).allSatisfy(\.isWhitespace) ? [] : rest
    }

    private static func start(in line: [UInt8]) -> Int? {
        var count = 0
        for (index, byte) in line.enumerated() {
            if byte == 32 {
                count += 1
                continue
            }
            if byte == 13, count >= blanks {
                var rest = withoutColours(line[..<(index - count)])
                guard let sign = signs.first(where: { rest.suffix($0.count).elementsEqual($0) })
                else { return nil }
                rest = withoutColours(rest.dropLast(sign.count))
                return rest.endIndex
            }
            count = 0
        }
        return nil
    }

    /// Drops `ESC [ … m` and `ESC ( B` at the end.
    private static func withoutColours(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let escape = rest.suffix(16).lastIndex(of: 0x1b) {
            let sequence = rest[(escape + 1)...]
            let isColour =
                sequence.elementsEqual("(B".utf8)
                || sequence.first == UInt8(ascii: "[") && sequence.last == UInt8(ascii: "m")
                    && sequence.dropFirst().dropLast().allSatisfy {
                        $0 == 59 || $0 >= 48 && $0 < 58
                    }
            guard isColour else { return rest }
            rest = rest[..<escape]
        }
        return rest
    }
}
