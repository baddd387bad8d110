// Walks JSON text and validates it without building values; reading uses its tokens, members and
// raw values use its skipping. Invariant: `at` never passes the end, every byte is checked once.

/// A position in JSON text.
///
/// The text itself is passed to each call: a span cannot be stored.
struct Scanner {
    var at = 0
    let depth: Int
    private var valuesLeft: Int

    init(_ text: Span<UInt8>, _ limits: JSONLimits) throws(JSONError) {
        guard text.count <= limits.bytes else { throw .tooLarge }
        depth = limits.depth
        valuesLeft = limits.values
    }

    /// Counts one value.
    @inline(__always)
    mutating func count() throws(JSONError) {
        valuesLeft -= 1
        guard valuesLeft >= 0 else { throw .tooMany(at: at) }
    }

    /// The error for the byte here, or for a missing one.
    func refusal(_ text: Span<UInt8>) -> JSONError {
        at < text.count ? .unexpectedByte(at: at) : .unexpectedEnd
    }

    @inline(__always)
    mutating func skipSpace(_ text: Span<UInt8>) {
        while at < text.count {
            let byte = text[at]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else {
                return
            }
            at += 1
        }
    }

    /// Takes `byte` after white space, or refuses.
    @inline(__always)
    mutating func expect(_ byte: UInt8, _ text: Span<UInt8>) throws(JSONError) {
        skipSpace(text)
        guard at < text.count, text[at] == byte else { throw refusal(text) }
        at += 1
    }

    /// Takes `byte` if it is here.
    @inline(__always)
    mutating func take(_ byte: UInt8, _ text: Span<UInt8>) -> Bool {
        guard at < text.count, text[at] == byte else { return false }
        at += 1
        return true
    }

    /// After an element: `true` for a comma, `false` for `close`.
    @inline(__always)
    mutating func another(_ close: UInt8, _ text: Span<UInt8>) throws(JSONError) -> Bool {
        skipSpace(text)
        guard at < text.count else { throw .unexpectedEnd }
        let byte = text[at]
        guard byte == 0x2C || byte == close else { throw .unexpectedByte(at: at) }
        at += 1
        return byte == 0x2C
    }

    mutating func word(_ word: StaticString, _ text: Span<UInt8>) throws(JSONError) {
        let expected = unsafe UnsafeBufferPointer(
            start: word.utf8Start, count: word.utf8CodeUnitCount)
        for offset in 0..<word.utf8CodeUnitCount {
            guard at < text.count, unsafe text[at] == expected[offset] else { throw refusal(text) }
            at += 1
        }
    }

    /// Checks that the whole text is one value and white space.
    mutating func document(_ text: Span<UInt8>) throws(JSONError) {
        skipSpace(text)
        try skipValue(text, 0)
        try end(text)
    }

    mutating func end(_ text: Span<UInt8>) throws(JSONError) {
        skipSpace(text)
        guard at == text.count else { throw .unexpectedByte(at: at) }
    }

    /// Validates one value and moves past it.
    mutating func skipValue(_ text: Span<UInt8>, _ level: Int) throws(JSONError) {
        guard at < text.count else { throw .unexpectedEnd }
        try count()
        switch text[at] {
        case 0x22: try checkUTF8(try string(text), text)
        case 0x7B:
            guard level < depth else { throw .tooDeep(at: at) }
            at += 1
            skipSpace(text)
            if take(0x7D, text) { return }
            repeat {
                skipSpace(text)
                guard at < text.count, text[at] == 0x22 else { throw refusal(text) }
                try checkUTF8(try string(text), text)
                try expect(0x3A, text)
                skipSpace(text)
                try skipValue(text, level + 1)
            } while try another(0x7D, text)
        case 0x5B:
            guard level < depth else { throw .tooDeep(at: at) }
            at += 1
            skipSpace(text)
            if take(0x5D, text) { return }
            repeat {
                skipSpace(text)
                try skipValue(text, level + 1)
            } while try another(0x5D, text)
        case 0x74: try word("true", text)
        case 0x66: try word("false", text)
        case 0x6E: try word("null", text)
        default: _ = try number(text)
        }
    }

    func checkUTF8(_ token: StringToken, _ text: Span<UInt8>) throws(JSONError) {
        guard token.isASCII || text.isUTF8(token.range) else {
            throw .invalidUTF8(at: token.range.lowerBound)
        }
    }
}
