// String tokens: finds the closing quote eight bytes at a time and validates every escape.
// Invariant: a returned token has sound escapes and no control bytes; its UTF-8 is still unchecked.

/// A string's content between the quotes.
struct StringToken {
    var range: Range<Int>
    var hasEscapes = false
    var isASCII = true
}

extension Scanner {
    /// Takes the string that starts with the quote here.
    mutating func string(_ text: Span<UInt8>) throws(JSONError) -> StringToken {
        let start = at + 1
        var token = StringToken(range: start..<start)
        var high: UInt8 = 0
        at = start
        while true {
            skipPlain(text, &high)
            guard at < text.count else { throw .unexpectedEnd }
            let byte = text[at]
            switch byte {
            case 0x22:
                token.range = start..<at
                token.isASCII = high < 0x80
                at += 1
                return token
            case 0x5C:
                token.hasEscapes = true
                try escape(text, start)
            case 0..<0x20: throw .invalidString(at: at)
            default:
                high |= byte
                at += 1
            }
        }
    }

    /// Moves over bytes that are neither quote, backslash nor control, in steps of eight.
    @inline(__always)
    private mutating func skipPlain(_ text: Span<UInt8>, _ high: inout UInt8) {
        let bytes = unsafe text.bytes
        while text.count - at >= 8 {
            let word = unsafe UInt64(
                littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
            // The lowest flagged byte is exact; bytes above it that a borrow flags are checked
            // again.
            let stops = stops(in: word)
            if stops == 0 {
                if word & 0x8080_8080_8080_8080 != 0 { high |= 0x80 }
                at += 8
                continue
            }
            let plain = stops.trailingZeroBitCount >> 3
            let seen = word & ((1 << UInt64(plain * 8)) &- 1)
            if seen & 0x8080_8080_8080_8080 != 0 { high |= 0x80 }
            at += plain
            return
        }
    }

    /// Takes the escape that starts with the backslash here.
    private mutating func escape(_ text: Span<UInt8>, _ start: Int) throws(JSONError) {
        guard text.count - at >= 2 else { throw .unexpectedEnd }
        switch text[at + 1] {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: at += 2
        case 0x75:
            let unit = try unit(text)
            guard unit & 0xF800 == 0xD800 else { return }
            guard unit < 0xDC00 else { throw .invalidString(at: at) }
            guard at < text.count else { throw .unexpectedEnd }
            guard text[at] == 0x5C else { throw .invalidString(at: at) }
            guard at + 1 < text.count else { throw .unexpectedEnd }
            guard text[at + 1] == 0x75 else { throw .invalidString(at: at) }
            guard try self.unit(text) & 0xFC00 == 0xDC00 else { throw .invalidString(at: at) }
        default: throw .invalidString(at: at)
        }
    }

    /// Takes `\uXXXX` here.
    private mutating func unit(_ text: Span<UInt8>) throws(JSONError) -> UInt32 {
        guard text.count - at >= 6 else { throw .unexpectedEnd }
        guard let unit = text.hexUnit(at + 2) else { throw .invalidString(at: at) }
        at += 6
        return unit
    }

    /// The string of a token.
    func text(of token: StringToken, _ text: Span<UInt8>) throws(JSONError) -> String {
        if token.range.isEmpty { return "" }
        try checkUTF8(token, text)
        if token.hasEscapes { return text.unescaped(token.range) }
        // Not `validating:`, which is much slower; the bytes have just been validated.
        return unsafe text.extracting(token.range).withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }
}

/// High bits mark bytes that are a quote, a backslash or below space; the lowest mark is exact.
@inline(__always)
func stops(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let slash = word ^ (ones &* 0x5C)
    let hits =
        ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | ((word &- ones &* 0x20) & ~word)
    return hits & (ones &* 0x80)
}

extension Span where Element == UInt8 {
    /// Four hexadecimal digits at `start`.
    fileprivate func hexUnit(_ start: Int) -> UInt32? {
        var value: UInt32 = 0
        for at in start..<(start + 4) {
            let byte = self[at]
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt32((byte | 0x20) - 0x57)
            default: return nil
            }
        }
        return value
    }

    /// The content of a validated token with its escapes resolved; never longer than the token.
    fileprivate func unescaped(_ range: Range<Int>) -> String {
        unsafe String(unsafeUninitializedCapacity: range.count) { output in
            var at = range.lowerBound
            var count = 0
            while at < range.upperBound {
                let byte = self[at]
                guard byte == 0x5C else {
                    let run = at
                    while at < range.upperBound, self[at] != 0x5C { at += 1 }
                    unsafe extracting(run..<at).withUnsafeBufferPointer {
                        _ = unsafe output[count...].update(fromContentsOf: $0)
                    }
                    count += at - run
                    continue
                }
                let kind = self[at + 1]
                at += 2
                guard kind == 0x75 else {
                    unsafe output[count] = plain(kind)
                    count += 1
                    continue
                }
                var scalar = hexUnit(at) ?? 0xFFFD
                at += 4
                if scalar & 0xFC00 == 0xD800 {
                    let low = hexUnit(at + 2) ?? 0xDC00
                    scalar = 0x10000 + (scalar & 0x3FF) << 10 + (low & 0x3FF)
                    at += 6
                }
                for unit in UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}") ?? .init() {
                    unsafe output[count] = unit
                    count += 1
                }
            }
            return count
        }
    }

    private func plain(_ kind: UInt8) -> UInt8 {
        switch kind {
        case 0x62: 0x08
        case 0x66: 0x0C
        case 0x6E: 0x0A
        case 0x72: 0x0D
        case 0x74: 0x09
        default: kind
        }
    }
}
