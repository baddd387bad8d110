// Durations, sizes and truth values as people write them.
// Invariant: a text is read exactly or not at all; nothing is rounded or clipped.

/// Readers for durations, sizes and truth values.
public enum Quantity {
    /// Reads `90`, `15s`, `30m`, `1h30m`, `2d`, `1w`, `250ms`; a bare number is seconds.
    public static func duration(_ text: String) -> Duration? {
        let milliseconds: [String: Int64] = [
            "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
        ]
        if let seconds = number(text[...]) { return .seconds(seconds) }
        var total: Int64 = 0
        var rest = text.lowercased()[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let count = number(digits), let factor = milliseconds[String(unit)] else {
                return nil
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: factor)
            let (sum, overflow2) = total.addingReportingOverflow(product)
            guard !overflow, !overflow2 else { return nil }
            total = sum
        }
        return .milliseconds(total)
    }

    /// Reads `512`, `64k`, `10M`, `2GiB` as bytes; units are powers of 1024.
    public static func bytes(_ text: String) -> Int? {
        let shifts = ["": 0, "k": 10, "m": 20, "g": 30, "t": 40]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        var unit = text.dropFirst(digits.count).lowercased()
        for suffix in ["ib", "b"] where unit.hasSuffix(suffix) {
            unit.removeLast(suffix.count)
            break
        }
        guard let count = number(digits), let shift = shifts[unit] else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: 1 << Int64(shift))
        return overflow ? nil : Int(exactly: product)
    }

    /// Reads `yes` or `no`, and their usual synonyms.
    public static func truth(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "yes", "true", "on", "1": true
        case "no", "false", "off", "0": false
        default: nil
        }
    }

    /// Digits only: no sign, no space.
    static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}
