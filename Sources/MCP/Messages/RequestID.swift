// The id of a request or the token of its progress: a string or an integer, kept as the text the
// client sent, so that it is echoed exactly. Invariant: the text is valid JSON of one of the two.
import JSON

struct RequestID: Hashable, Sendable {
    let text: [UInt8]

    /// `nil` if the value at `range` is neither a string nor an integer.
    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        let first = bytes[range.lowerBound]
        if first != UInt8(ascii: "\"") {
            guard first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
                let value = try? JSON(parsing: bytes, in: range), value.intValue != nil
            else { return nil }
        }
        text = Array(bytes[range])
    }

    /// A value inside JSON that is already parsed.
    init?(_ value: JSON) {
        guard value.stringValue != nil || value.intValue != nil else { return nil }
        text = value.encoded()
    }
}

extension RequestID {
    /// The id as a JSON value.
    var json: JSON { (try? JSON(parsing: text)) ?? .null }
}
