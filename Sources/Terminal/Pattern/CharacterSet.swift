// The characters that one place of a pattern accepts. Invariant: ranges ascend and do not touch, so
// that a lookup takes time logarithmic in their number.

/// A set of characters.
struct CharacterSet: Sendable {
    private static let last: UInt32 = 0x10ffff

    private var ranges: [ClosedRange<UInt32>] = []

    init(_ ranges: [ClosedRange<UInt32>] = []) { for range in ranges { add(range) } }

    static let all = Self([0...last])
    static let digits = Self([48...57])
    static let words = Self([48...57, 65...90, 95...95, 97...122, 0xaa...last])
    static let spaces = Self([9...13, 32...32, 0xa0...0xa0, 0x2000...0x200a, 0x3000...0x3000])

    /// All other characters.
    var negated: Self {
        var set = Self()
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { set.add(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= Self.last { set.add(next...Self.last) }
        return set
    }

    mutating func add(_ range: ClosedRange<UInt32>) {
        var joined = range
        let start = ranges.firstIndex { $0.upperBound + 1 >= range.lowerBound } ?? ranges.count
        var end = start
        while end < ranges.count, ranges[end].lowerBound <= range.upperBound + 1 {
            joined =
                min(
                    joined.lowerBound, ranges[end].lowerBound)...max(
                    joined.upperBound, ranges[end].upperBound)
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: [joined])
    }

    mutating func add(_ set: Self) { for range in set.ranges { add(range) } }

    /// Adds the other case of its letters.
    mutating func foldCase() {
        for range in ranges {
            for (low, high, other) in [(UInt32(65), UInt32(90), 32), (97, 122, -32)] {
                let from = max(range.lowerBound, low)
                let to = min(range.upperBound, high)
                if from <= to { add(UInt32(Int(from) + other)...UInt32(Int(to) + other)) }
            }
            guard range.count == 1, let scalar = Unicode.Scalar(range.lowerBound) else { continue }
            for text in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
                let mapped = text.unicodeScalars
                if mapped.count == 1, let one = mapped.first { add(one.value...one.value) }
            }
        }
    }

    func contains(_ scalar: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(scalar)
    }
}
