// Character classes of RFC 9110 and comparisons that ignore ASCII case, on bytes.

/// RFC 9110 token characters as two 64-bit masks.
private let tokenLow: UInt64 = mask("!#$%&'*+-.0123456789", from: 0)
private let tokenHigh: UInt64 = mask(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~", from: 64)

private func mask(_ characters: String, from base: UInt8) -> UInt64 {
    characters.utf8.reduce(0) { $0 | 1 << UInt64($1 - base) }
}

/// The token masks, read once per parse instead of once per byte.
struct TokenTable {
    let low = tokenLow
    let high = tokenHigh

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        if byte < 64 { return low >> UInt64(byte) & 1 != 0 }
        return byte < 128 && high >> UInt64(byte - 64) & 1 != 0
    }
}

@inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

/// Printable ASCII without space: what a request target may hold.
@inline(__always)
func isVisible(_ byte: UInt8) -> Bool { byte &- 0x21 < 0x5E }

/// What a header value may hold: visible, space, tab and bytes from 0x80.
@inline(__always)
func isFieldByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

extension Span where Element == UInt8 {
    /// Whether the bytes in `range` are `word` (lower case) in any case.
    func matches(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        let expected = unsafe UnsafeBufferPointer(
            start: word.utf8Start, count: word.utf8CodeUnitCount)
        for offset in 0..<range.count {
            guard unsafe lowercased(self[range.lowerBound + offset]) == expected[offset] else {
                return false
            }
        }
        return true
    }

    /// Whether a comma-separated list in `range` has the member `word` (lower case).
    func lists(_ range: Range<Int>, _ word: StaticString) -> Bool {
        var start = range.lowerBound
        for at in range.lowerBound...range.upperBound
        where at == range.upperBound || self[at] == 0x2C {
            if matches(trimmed(start..<at), word) { return true }
            start = at + 1
        }
        return false
    }

    /// The range without spaces and tabs at both ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
        while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
        return start..<end
    }

    /// Decimal digits only, at most ten: a longer number exceeds every limit.
    func decimal(_ range: Range<Int>) -> Int? {
        guard !range.isEmpty, range.count <= 10 else { return nil }
        var value = 0
        for at in range {
            let digit = self[at] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }
}

extension [UInt8] {
    /// Whether the bytes in `range` are exactly `word`.
    func isText(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        let expected = unsafe UnsafeBufferPointer(
            start: word.utf8Start, count: word.utf8CodeUnitCount)
        for offset in 0..<range.count {
            guard unsafe self[range.lowerBound + offset] == expected[offset] else { return false }
        }
        return true
    }

    mutating func append(literal: StaticString) {
        unsafe append(
            contentsOf: UnsafeBufferPointer(
                start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }
}
