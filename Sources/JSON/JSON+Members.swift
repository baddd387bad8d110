// Shallow reading for routing: names and byte ranges of an object's members, without building
// values.
// Invariant: the whole text is validated, so a range may be passed on as `RawJSON`.

/// One member of an object that was read shallowly.
public struct JSONMember: Sendable, Equatable {
    /// The key, unescaped.
    public var name: String
    /// The range of the value's text in the bytes that were read.
    public var value: Range<Int>
}

extension JSON {
    /// The members of the object in `bytes`, all of it validated; a repeated key keeps the last.
    public static func members(
        of bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) -> [JSONMember] {
        try members(of: bytes.span, limits: limits)
    }

    /// The members of the object in `bytes`, all of it validated; a repeated key keeps the last.
    public static func members(
        of bytes: Span<UInt8>, limits: JSONLimits = .standard
    ) throws(JSONError) -> [JSONMember] {
        var scanner = try Scanner(bytes, limits)
        scanner.skipSpace(bytes)
        guard scanner.at < bytes.count else { throw .unexpectedEnd }
        guard scanner.take(0x7B, bytes) else {
            try scanner.document(bytes)
            throw .notAnObject
        }
        scanner.skipSpace(bytes)
        var members: [JSONMember] = []
        var index = KeyIndex()
        members.reserveCapacity(4)
        if !scanner.take(0x7D, bytes) {
            repeat {
                scanner.skipSpace(bytes)
                guard scanner.at < bytes.count, bytes[scanner.at] == 0x22 else {
                    throw scanner.refusal(bytes)
                }
                let token = try scanner.string(bytes)
                let name = try scanner.text(of: token, bytes)
                try scanner.expect(0x3A, bytes)
                scanner.skipSpace(bytes)
                let start = scanner.at
                try scanner.skipValue(bytes, 1)
                let place = index.place(name, among: members.count) { members[$0].name }
                if let place {
                    members[place].value = start..<scanner.at
                } else {
                    members.append(JSONMember(name: name, value: start..<scanner.at))
                }
            } while try scanner.another(0x7D, bytes)
        }
        try scanner.end(bytes)
        return members
    }

    /// The byte ranges of the elements of the array in `bytes`, all of it validated.
    public static func elements(
        of bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) -> [Range<Int>] {
        let text = bytes.span
        var scanner = try Scanner(text, limits)
        scanner.skipSpace(text)
        guard scanner.at < text.count else { throw .unexpectedEnd }
        guard scanner.take(0x5B, text) else {
            try scanner.document(text)
            throw .notAnArray
        }
        scanner.skipSpace(text)
        var elements: [Range<Int>] = []
        if !scanner.take(0x5D, text) {
            repeat {
                scanner.skipSpace(text)
                let start = scanner.at
                try scanner.skipValue(text, 1)
                elements.append(start..<scanner.at)
            } while try scanner.another(0x5D, text)
        }
        try scanner.end(text)
        return elements
    }
}
