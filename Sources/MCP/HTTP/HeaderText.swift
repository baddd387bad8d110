// The text of a header that repeats a part of the body. Invariant: two different values are
// refused, and only `=?base64?…?=` stands for characters that a header cannot carry.
import HTTP

enum HeaderText {
    /// The value of a header that may be encoded; nil if it is absent.
    static func read(_ header: String, of request: HTTPRequest) throws(MCPError) -> String? {
        // A name may hold commas, so the lines are not split.
        guard let value = try sole(request.headers(header), header) else { return nil }
        return try decoded(value, header)
    }

    /// The value of a header that is never encoded; nil if it is absent.
    static func plain(_ header: String, of request: HTTPRequest) throws(MCPError) -> String? {
        try sole(request.soleHeader(header).map { [$0] } ?? [], header)
    }

    private static func sole(_ values: [String], _ header: String) throws(MCPError) -> String? {
        guard let value = values.first else { return nil }
        guard values.allSatisfy({ $0 == value }) else {
            throw .headerMismatch("\(header) is sent twice with different values")
        }
        guard value.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw .headerMismatch(
                "\(header) has characters beyond ASCII: send it as =?base64?…?=, of UTF-8")
        }
        return value
    }

    /// The value inside `=?base64?…?=`, whose marks are exact; any other value is literal.
    private static func decoded(_ value: String, _ header: String) throws(MCPError) -> String {
        guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else {
            return value
        }
        let inner = value.utf8.dropFirst(9).dropLast(2)
        guard let bytes = base64(inner), let text = String(validating: bytes, as: UTF8.self) else {
            throw .headerMismatch("\(header) is not valid base64 of UTF-8")
        }
        return text
    }

    /// Strict base64 (RFC 4648 §4): padded, no other characters, no stray bits.
    private static func base64(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text {
            count += 1
            if byte == UInt8(ascii: "=") {
                padding += 1
                bits <<= 6
            } else {
                guard padding == 0, let value = digit(byte) else { return nil }
                bits = bits << 6 | value
            }
            guard count % 4 == 0 else { continue }
            guard padding <= 2, bits & (1 << (8 * UInt32(padding)) - 1) == 0 else { return nil }
            for shift in [16, 8, 0] as [UInt32] where shift >= 8 * UInt32(padding) {
                output.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
            bits = 0
        }
        return count % 4 == 0 ? output : nil
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
