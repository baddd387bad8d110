// Header lines as byte ranges into the head they were read from; text is built on lookup only.
// Shared by requests (RequestParser) and responses (ResponseParser).

/// One header line: where its name and value lie in the head.
struct HeaderField: Sendable {
    var nameStart: UInt32
    var nameEnd: UInt32
    var valueStart: UInt32
    var valueEnd: UInt32

    init(name: Range<Int>, value: Range<Int>) {
        nameStart = UInt32(truncatingIfNeeded: name.lowerBound)
        nameEnd = UInt32(truncatingIfNeeded: name.upperBound)
        valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
        valueEnd = UInt32(truncatingIfNeeded: value.upperBound)
    }

    var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}

/// What a line parser found.
enum LineProgress {
    /// The line is not complete yet.
    case more
    /// The empty line that ends the head, which is this long.
    case end(Int)
    /// A field; the next line starts there.
    case field(HeaderField, next: Int)
}

extension Span where Element == UInt8 {
    /// Reads the header line at `start`.
    ///
    /// Refuses what request smuggling needs: bare CR or LF, folded lines, space before the colon.
    @inline(__always)
    func headerLine(_ start: Int, _ tokens: TokenTable) throws(HTTPError) -> LineProgress {
        var at = start
        guard at < count else { return .more }
        if self[at] == 0x0D {
            guard at + 1 < count else { return .more }
            guard self[at + 1] == 0x0A else { throw .refused(status: 400) }
            return .end(at + 2)
        }
        while at < count, tokens.contains(self[at]) { at += 1 }
        guard at < count else { return .more }
        guard at > start, self[at] == 0x3A else { throw .refused(status: 400) }
        let name = start..<at
        at += 1
        while at < count, self[at] == 0x20 || self[at] == 0x09 { at += 1 }
        let valueStart = at
        while at < count, isFieldByte(self[at]) { at += 1 }
        guard at < count else { return .more }
        guard self[at] == 0x0D else { throw .refused(status: 400) }
        guard at + 1 < count else { return .more }
        guard self[at + 1] == 0x0A else { throw .refused(status: 400) }
        var valueEnd = at
        while valueEnd > valueStart, self[valueEnd - 1] == 0x20 || self[valueEnd - 1] == 0x09 {
            valueEnd -= 1
        }
        return .field(HeaderField(name: name, value: valueStart..<valueEnd), next: at + 2)
    }
}

extension [UInt8] {
    /// The text in `range`; invalid UTF-8 is repaired.
    func text(_ range: Range<Int>) -> String { String(decoding: self[range], as: UTF8.self) }

    /// All values of the header `name`, in order, in any case.
    func values(of name: String, in fields: [HeaderField]) -> [String] {
        var values: [String] = []
        for field in fields where isName(field, name) { values.append(text(field.value)) }
        return values
    }

    /// The values of the header `name` joined by commas (RFC 9110 §5.3); `nil` without any.
    func value(of name: String, in fields: [HeaderField]) -> String? {
        var joined: String?
        for field in fields where isName(field, name) {
            let value = text(field.value)
            joined = joined.map { "\($0), \(value)" } ?? value
        }
        return joined
    }

    private func isName(_ field: HeaderField, _ name: String) -> Bool {
        guard field.name.count == name.utf8.count else { return false }
        var at = Int(field.nameStart)
        for byte in name.utf8 {
            guard lowercased(self[at]) == lowercased(byte) else { return false }
            at += 1
        }
        return true
    }
}
