// The fields of a form that was sent (application/x-www-form-urlencoded). Pure. Flow: a request's
// body → here → a page's handler. Invariant: a name that comes twice has no value, so that two
// readers cannot take different ones.

/// A form that was sent.
struct FormBody: Sendable {
    /// The most bytes of a form: scopes, a pattern, an OAuth request with its state.
    static let limit = 32 << 10
    /// The most fields of a form: several times those of any page or OAuth request.
    static let fieldLimit = 64

    private var values: [String: [String]] = [:]

    /// Reads a form; nil if it is too long, has too many fields, or is not UTF-8.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.limit else { return nil }
        let pairs = bytes.split(separator: UInt8(ascii: "&"))
        guard pairs.count <= Self.fieldLimit else { return nil }
        for pair in pairs {
            let at = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard let name = Self.decoded(pair[..<at]),
                let value = Self.decoded(pair[at...].dropFirst())
            else { return nil }
            values[name, default: []].append(value)
        }
    }

    /// The value of a field; nil if there is none, or more than one.
    subscript(_ name: String) -> String? {
        guard let found = values[name], found.count == 1 else { return nil }
        return found[0]
    }

    /// All values of a field that may come several times: check boxes.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// The names of fields that came more than once.
    var repeated: [String] { values.filter { $0.value.count > 1 }.map(\.key).sorted() }

    /// Resolves `%XX` and `+`; nil for a broken escape, or bytes that are not UTF-8.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var at = bytes.startIndex
        while at < bytes.endIndex {
            switch bytes[at] {
            case UInt8(ascii: "+"): output.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard at + 2 < bytes.endIndex, let high = digit(bytes[at + 1]),
                    let low = digit(bytes[at + 2])
                else { return nil }
                output.append(high << 4 | low)
                at += 2
            case let byte: output.append(byte)
            }
            at += 1
        }
        return String(validating: output, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }
}
