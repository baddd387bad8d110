// Values to compact text. Invariant: the output is valid JSON whatever the value; numbers that JSON
// cannot express (infinities, NaN) become `null`.

extension JSON {
    /// The value as compact JSON text.
    public func encoded() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        write(into: &output)
        return output
    }

    /// Appends the value as compact JSON text.
    public func write(into output: inout [UInt8]) {
        switch self {
        case .null: output.append(literal: "null")
        case .bool(true): output.append(literal: "true")
        case .bool(false): output.append(literal: "false")
        case .int(let value): output.append(contentsOf: String(value).utf8)
        case .double(let value) where value.isFinite:
            output.append(contentsOf: value.description.utf8)
        case .double: output.append(literal: "null")
        case .string(let value): JSON.write(string: value, into: &output)
        case .raw(let raw): output.append(contentsOf: raw.bytes)
        case .array(let elements):
            output.append(0x5B)
            var first = true
            for element in elements {
                if !first { output.append(0x2C) }
                first = false
                element.write(into: &output)
            }
            output.append(0x5D)
        case .object(let object):
            output.append(0x7B)
            var first = true
            for member in object.members {
                if !first { output.append(0x2C) }
                first = false
                JSON.write(string: member.key, into: &output)
                output.append(0x3A)
                member.value.write(into: &output)
            }
            output.append(0x7D)
        }
    }

    /// The value in one spelling, whatever its order of members and its spelling of numbers: for
    /// digests, not for readers.
    ///
    /// Members are sorted by name, and whole numbers have no point.
    public func sortedBytes() -> [UInt8] {
        var output: [UInt8] = []
        writeSorted(into: &output)
        return output
    }

    private func writeSorted(into output: inout [UInt8]) {
        switch self {
        case .object(let object):
            output.append(0x7B)
            for member in object.sorted(by: { $0.key < $1.key }) {
                JSON.write(string: member.key, into: &output)
                output.append(0x3A)
                member.value.writeSorted(into: &output)
                output.append(0x2C)
            }
            output.append(0x7D)
        case .array(let elements):
            output.append(0x5B)
            for element in elements {
                element.writeSorted(into: &output)
                output.append(0x2C)
            }
            output.append(0x5D)
        case .raw(let raw): ((try? raw.parsed()) ?? .null).writeSorted(into: &output)
        case .double(let number):
            (Int64(exactly: number).map(JSON.int) ?? self).write(into: &output)
        case .null, .bool, .int, .string: write(into: &output)
        }
    }

    /// Appends a string with its quotes and escapes.
    public static func write(string: String, into output: inout [UInt8]) {
        var string = string
        string.withUTF8 { bytes in
            output.append(0x22)
            var done = 0
            var at = 0
            while at < bytes.count {
                if bytes.count - at >= 8 {
                    let word = unsafe UInt64(
                        littleEndian: UnsafeRawBufferPointer(bytes)
                            .loadUnaligned(fromByteOffset: at, as: UInt64.self))
                    let found = stops(in: word)
                    at += found == 0 ? 8 : found.trailingZeroBitCount >> 3
                    if found == 0 { continue }
                }
                let byte = unsafe bytes[at]
                if byte < 0x20 || byte == 0x22 || byte == 0x5C {
                    unsafe output.append(
                        contentsOf: UnsafeBufferPointer(rebasing: bytes[done..<at]))
                    output.append(escape: byte)
                    done = at + 1
                }
                at += 1
            }
            unsafe output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[done...]))
            output.append(0x22)
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(literal: StaticString) {
        unsafe append(
            contentsOf: UnsafeBufferPointer(
                start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    fileprivate mutating func append(escape byte: UInt8) {
        append(0x5C)
        switch byte {
        case 0x22, 0x5C: append(byte)
        case 0x08: append(0x62)
        case 0x09: append(0x74)
        case 0x0A: append(0x6E)
        case 0x0C: append(0x66)
        case 0x0D: append(0x72)
        default:
            append(literal: "u00")
            append(0x30 + byte >> 4)
            append(byte & 15 < 10 ? 0x30 + byte & 15 : 0x57 + byte & 15)
        }
    }
}
