// Words that a shell reads back as given bytes. bash, zsh and mksh have $'…'; dash and ash get
// plain quotes with $__l for a line feed, and printf if there are other bytes.
// Invariant: only printable ASCII without `!` (history expansion) is typed.

extension POSIXDialect {
    /// How the bytes of one word are written.
    private enum Style { case ansi, plain, percentB }

    func word(_ code: [UInt8], limit: Int) -> [UInt8]? {
        guard code.count <= limit else { return nil }
        let style: Style =
            hasAnsiQuotes ? .ansi : code.allSatisfy(Self.isPlainOrLine) ? .plain : .percentB
        // $(…) drops line feeds at its end, but the sentinel's two follow anyway.
        var word = Array((style == .ansi ? "$'" : style == .plain ? "'" : "$(printf '%b' '").utf8)
        for byte in code {
            Self.append(byte, style, to: &word)
            if word.count > limit { return nil }
        }
        word += Array((style == .percentB ? "')" : "'").utf8)
        return word.count <= limit ? word : nil
    }

    func pieces(_ code: [UInt8], limit: Int) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var next = code.startIndex
        while next < code.endIndex {
            let style: Style =
                hasAnsiQuotes ? .ansi : Self.isPlainOrLine(code[next]) ? .plain : .percentB
            let (before, after) =
                switch style {
                case .ansi: ("__x+=$'", "'")
                case .plain: ("__x=$__x'", "'")
                case .percentB: ("__x=$__x$(printf '%b_' '", "');__x=${__x%_}")
                }
            var piece = Array(before.utf8)
            piece.reserveCapacity(limit)
            // Longest unit: six bytes.
            while next < code.endIndex, piece.count + after.utf8.count + 6 <= limit {
                let byte = code[next]
                if style == .plain, !Self.isPlainOrLine(byte) { break }
                Self.append(byte, style, to: &piece)
                next += 1
            }
            pieces.append(piece + Array(after.utf8))
        }
        return pieces
    }

    private static func append(_ byte: UInt8, _ style: Style, to word: inout [UInt8]) {
        switch (style, byte) {
        case (.plain, 10): word += "'$__l'".utf8
        case (.plain, UInt8(ascii: "'")): word += "'\\''".utf8
        case (.plain, _): word.append(byte)
        case (_, 10): word += "\\n".utf8
        case (_, _) where isPlain(byte) && byte != 0x27 && byte != 0x5c: word.append(byte)
        case (.ansi, _): word += [UInt8(ascii: "\\")] + octal(byte)
        case (.percentB, _): word += "\\0".utf8 + octal(byte)
        }
    }

    private static func isPlainOrLine(_ byte: UInt8) -> Bool { byte == 10 || isPlain(byte) }
}
