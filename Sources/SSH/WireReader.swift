// SSH's own data types (RFC 4251 §5): big-endian numbers and counted strings. Pure; reading past
// the end gives nil, never a trap.

/// Reads SSH wire data from the front.
struct WireReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }
    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func uint32() -> UInt32? {
        guard rest.count >= 4 else { return nil }
        defer { rest = rest.dropFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func uint64() -> UInt64? {
        guard let high = uint32(), let low = uint32() else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func string() -> ArraySlice<UInt8>? {
        guard let count = uint32() else { return nil }
        return bytes(Int(count))
    }

    mutating func text() -> String? { string().map { String(decoding: $0, as: UTF8.self) } }
}

/// Writes SSH wire data.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func uint32(_ value: UInt32) {
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func uint64(_ value: UInt64) {
        uint32(UInt32(value >> 32))
        uint32(UInt32(truncatingIfNeeded: value))
    }

    /// Writes the number of the bytes that follow into the first four.
    mutating func setLength() {
        let count = UInt32(bytes.count - 4)
        for (place, shift) in [24, 16, 8, 0].enumerated() {
            bytes[place] = UInt8(truncatingIfNeeded: count >> UInt32(shift))
        }
    }

    mutating func string(_ value: some Collection<UInt8>) {
        uint32(UInt32(value.count))
        bytes.append(contentsOf: value)
    }
}
