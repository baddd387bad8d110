// Texts within URIs (RFC 3986 §2.1): written with percent-encoding, and read back strictly. Pure.
// Invariant: reading gives back what was written; what is not UTF-8, or has a control character or
// a bad escape, is not read at all.

/// Percent-encoding.
public enum PercentText {
    /// A text as a value in a query, or wherever only unreserved characters may stand: letters,
    /// digits and `-._~`.
    public static func value(_ text: String) -> String { encode(text, keeping: "") }

    /// A text as one segment of a path: no slash, no query.
    public static func segment(_ text: String) -> String {
        encode(text, keeping: marks)
    }

    /// A path: slashes stay.
    public static func path(_ text: String) -> String { encode(text, keeping: marks + "/") }

    /// What a segment of a path may have beside unreserved characters, and names of hosts have.
    private static let marks = "@:"

    /// The text that an encoded one stands for; nil if it is not one.
    public static func decode(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(value(ofDigit:)),
                let low = rest.popFirst().flatMap(value(ofDigit:))
            else { return nil }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func encode(_ text: String, keeping marks: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) || marks.utf8.contains(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    /// RFC 3986 §2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "-._~".utf8.contains(byte)
        }
    }

    private static func value(ofDigit byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
