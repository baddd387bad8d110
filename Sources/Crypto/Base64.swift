// Base64, standard and URL alphabets (RFC 4648 §4 and §5).
// Strict: one text per byte string; wrong padding, stray bits or characters are refused.

/// Base64 with the standard or the URL alphabet (RFC 4648); decoding is strict.
public enum Base64 {
    /// Standard alphabet, padded with `=`.
    public static func encode(_ bytes: [UInt8]) -> String {
        encode(bytes, alphabet: standard, padded: true)
    }

    /// URL alphabet (`-` and `_`), never padded.
    public static func encodeURL(_ bytes: [UInt8]) -> String {
        encode(bytes, alphabet: url, padded: false)
    }

    /// Reads the standard alphabet with its padding; nil when the text is anything else.
    public static func decode(_ text: String) -> [UInt8]? {
        var symbols = Array(text.utf8)
        guard symbols.count.isMultiple(of: 4) else { return nil }
        for _ in 0..<2 where symbols.last == equals { symbols.removeLast() }
        return decode(symbols, plus: UInt8(ascii: "+"), slash: UInt8(ascii: "/"))
    }

    /// Reads the URL alphabet without padding; nil when the text is anything else.
    public static func decodeURL(_ text: String) -> [UInt8]? {
        decode(Array(text.utf8), plus: UInt8(ascii: "-"), slash: UInt8(ascii: "_"))
    }

    private static let letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    private static let standard = Array((letters + "+/").utf8)
    private static let url = Array((letters + "-_").utf8)
    private static let equals = UInt8(ascii: "=")

    private static func encode(_ bytes: [UInt8], alphabet: [UInt8], padded: Bool) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var start = 0
        while start < bytes.count {
            let count = min(3, bytes.count - start)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0)
            }
            for symbol in 0..<4 {
                if symbol <= count {
                    text.append(alphabet[Int(group >> (18 - 6 * UInt32(symbol)) & 63)])
                } else if padded {
                    text.append(equals)
                }
            }
            start += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func decode(_ symbols: [UInt8], plus: UInt8, slash: UInt8) -> [UInt8]? {
        guard symbols.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(symbols.count / 4 * 3 + 2)
        var held: UInt32 = 0
        var bits = 0
        for symbol in symbols {
            guard let value = value(of: symbol, plus: plus, slash: slash) else { return nil }
            held = held << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: held >> UInt32(bits)))
            held &= 1 << UInt32(bits) - 1
        }
        return held == 0 ? bytes : nil
    }

    private static func value(of symbol: UInt8, plus: UInt8, slash: UInt8) -> UInt8? {
        switch symbol {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): symbol - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): symbol - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): symbol - UInt8(ascii: "0") + 52
        case plus: 62
        case slash: 63
        default: nil
        }
    }
}
