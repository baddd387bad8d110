// JSON kept as bytes: params and results that the relay passes on without building values.
// Invariant: `bytes` were validated as one JSON value, so a writer may insert them unchanged.

/// One validated JSON value as bytes.
public struct RawJSON: Sendable, Equatable {
    /// The value's text.
    public let bytes: [UInt8]

    /// Validates `bytes` as one JSON value and keeps them unchanged.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
        var scanner = try Scanner(bytes.span, limits)
        try scanner.document(bytes.span)
        self.bytes = bytes
    }

    /// The text of a value.
    public init(_ value: JSON) {
        if case .raw(let raw) = value { self = raw } else { bytes = value.encoded() }
    }

    /// The value of a member that `JSON.members(of:)` found in the same bytes.
    public init(_ member: JSONMember, of bytes: [UInt8]) {
        self.bytes = Array(bytes[member.value])
    }

    /// The same text, parsed into a value.
    public func parsed(limits: JSONLimits = .standard) throws(JSONError) -> JSON {
        try JSON(parsing: bytes, limits: limits)
    }
}
