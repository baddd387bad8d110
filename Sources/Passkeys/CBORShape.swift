// Where an item of CBOR ends (RFC 8949 §3), without a look at what it says. Pure. Invariant: no
// length in an item that passes is more than the bytes that are there, and none is nested deeper
// than the limit.

/// The lengths of CBOR items.
enum CBORShape {
    /// The deepest nesting; CTAP 2 allows authenticators 4 (§8, "Message encoding").
    private static let depth = 8

    /// The bytes after the first item.
    ///
    /// nil: the first item is cut off, nested too deeply, or of indefinite length.
    static func rest(after bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var rest = bytes
        // The items that are still to come, of each item that is open.
        var open = [1]
        while let missing = open.last {
            guard missing > 0 else {
                open.removeLast()
                continue
            }
            open[open.count - 1] -= 1
            guard let first = rest.popFirst(), let value = value(first & 31, &rest) else {
                return nil
            }
            switch first >> 5 {
            case 2, 3:
                guard value <= rest.count else { return nil }
                rest = rest.dropFirst(Int(value))
            case 4, 5, 6:
                // An item has a byte at least.
                guard value <= rest.count || first >> 5 == 6, open.count < depth else { return nil }
                let items: Int =
                    switch first >> 5 {
                    case 4: Int(value)
                    case 5: 2 * Int(value)
                    default: 1
                    }
                open.append(items)
            default: break
            }
        }
        return rest
    }

    /// The number that an item's first byte announces.
    private static func value(_ info: UInt8, _ rest: inout ArraySlice<UInt8>) -> UInt64? {
        guard info >= 24 else { return UInt64(info) }
        guard info <= 27 else { return nil }
        let count = 1 << Int(info - 24)
        guard rest.count >= count else { return nil }
        let value = rest.prefix(count).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        rest = rest.dropFirst(count)
        return value
    }
}
