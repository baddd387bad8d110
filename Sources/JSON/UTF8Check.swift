// UTF-8 validity (RFC 3629, Unicode table 3-7) for strings that are passed on without being built.

extension Span where Element == UInt8 {
    /// Whether the bytes are well-formed UTF-8: no overlong form, no surrogate, nothing above
    /// U+10FFFF.
    func isUTF8(_ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        let end = range.upperBound
        while at < end {
            let lead = self[at]
            if lead < 0x80 {
                at += 1
                continue
            }
            let length: Int
            let second: ClosedRange<UInt8>
            switch lead {
            case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
            case 0xE0: (length, second) = (3, 0xA0...0xBF)
            case 0xED: (length, second) = (3, 0x80...0x9F)
            case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
            case 0xF0: (length, second) = (4, 0x90...0xBF)
            case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
            case 0xF4: (length, second) = (4, 0x80...0x8F)
            default: return false
            }
            guard end - at >= length, second.contains(self[at + 1]) else { return false }
            for next in 2..<max(length, 2) where self[at + next] & 0xC0 != 0x80 { return false }
            at += length
        }
        return true
    }
}
