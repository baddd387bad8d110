// Builds values from text, on top of Scanner's tokens. Recursion is bounded by `JSONLimits.depth`.

extension JSON {
    /// Reads exactly one value, strictly; throws at the first byte that is not RFC 8259.
    public init(parsing bytes: Span<UInt8>, limits: JSONLimits = .standard) throws(JSONError) {
        var scanner = try Scanner(bytes, limits)
        scanner.skipSpace(bytes)
        self = try scanner.value(bytes, 0)
        try scanner.end(bytes)
    }

    /// Reads exactly one value from an array of bytes.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
        self = try JSON(parsing: bytes.span, limits: limits)
    }

    /// Reads exactly one value from part of an array, such as a member's value.
    public init(
        parsing bytes: [UInt8], in range: Range<Int>, limits: JSONLimits = .standard
    ) throws(JSONError) {
        self = try JSON(parsing: bytes.span.extracting(range), limits: limits)
    }

    /// Reads exactly one value from a string.
    public init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
        self = try JSON(parsing: Array(text.utf8), limits: limits)
    }
}

extension Scanner {
    mutating func value(_ text: Span<UInt8>, _ level: Int) throws(JSONError) -> JSON {
        guard at < text.count else { throw .unexpectedEnd }
        try count()
        switch text[at] {
        case 0x22:
            let token = try string(text)
            return .string(try self.text(of: token, text))
        case 0x7B: return .object(try object(text, level))
        case 0x5B: return .array(try array(text, level))
        case 0x74:
            try word("true", text)
            return .bool(true)
        case 0x66:
            try word("false", text)
            return .bool(false)
        case 0x6E:
            try word("null", text)
            return .null
        default: return try number(text)
        }
    }

    private mutating func object(_ text: Span<UInt8>, _ level: Int) throws(JSONError) -> JSON.Object
    {
        guard level < depth else { throw .tooDeep(at: at) }
        at += 1
        skipSpace(text)
        if take(0x7D, text) { return JSON.Object() }
        var builder = JSON.Object.Builder()
        repeat {
            skipSpace(text)
            guard at < text.count, text[at] == 0x22 else { throw refusal(text) }
            let token = try string(text)
            let key = try self.text(of: token, text)
            try expect(0x3A, text)
            skipSpace(text)
            builder.add(key, try value(text, level + 1))
        } while try another(0x7D, text)
        return builder.object
    }

    private mutating func array(_ text: Span<UInt8>, _ level: Int) throws(JSONError) -> [JSON] {
        guard level < depth else { throw .tooDeep(at: at) }
        at += 1
        skipSpace(text)
        var elements: [JSON] = []
        if take(0x5D, text) { return elements }
        repeat {
            skipSpace(text)
            elements.append(try value(text, level + 1))
        } while try another(0x5D, text)
        return elements
    }
}
