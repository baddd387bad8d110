// The id of a request or the token of its progress: a string or an integer, kept as the text the
// client sent, so that it is echoed exactly. Invariant: the text is valid JSON of one of the two;
// two ids are equal if their values are, however they are written.
import JSON

struct RequestID: Sendable {
    let text: [UInt8]
    /// The value in one spelling: `12` for `12.0`, and strings without needless escapes.
    private let value: [UInt8]

    /// `nil` if the valid JSON at `range` is neither a string nor an integer.
    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        text = Array(bytes[range])
        switch bytes[range.lowerBound] {
        case UInt8(ascii: "\""):
            let isPlain = !text.contains(UInt8(ascii: "\\"))
            value = isPlain ? text : (try? JSON(parsing: text))?.encoded() ?? text
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let isDigits = text.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
            if isDigits, !text.elementsEqual("-0".utf8) {
                // It may be past 64 bits.
                value = text
            } else {
                guard let whole = (try? JSON(parsing: text))?.intValue else { return nil }
                value = Array("\(whole)".utf8)
            }
        default: return nil
        }
    }
}

extension RequestID: Hashable {
    static func == (one: RequestID, other: RequestID) -> Bool { one.value == other.value }

    func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

extension RequestID {
    /// A string as an id.
    init(_ name: String) {
        text = JSON.string(name).encoded()
        value = text
    }

    /// The id as a JSON value, in the client's own spelling.
    var json: JSON { (try? RawJSON(parsing: text)).map(JSON.raw) ?? .null }
}
