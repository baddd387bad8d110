// Takes nonces out of a program's output: a list of what a shell has (`set`, `functions`,
// `history`), or a prompt that a program prints, must not show what makes a mark ours.
// Invariant: neither half of a nonce is passed on, however the output is cut; other bytes are
// passed on as they are, and at most 15 are held back.

/// Replaces the halves of nonces in a stream of bytes.
public struct NonceFilter: Sendable {
    /// What replaces a half.
    public static let mark = Array("[nonce]".utf8)
    /// The least digits of a half at the end of a chunk that are held back: fewer are often there
    /// by chance, and say little.
    private static let leastHeld = 4

    /// The digits of a half.
    private static let length = 16

    /// The halves of each shell's nonce, outermost first.
    private var halves: [[[UInt8]]] { didSet { steps = Self.steps(halves) } }
    private var steps: [Int]
    /// The end of what came, if a half may begin there.
    private var carried: [UInt8] = []
    /// So many bytes of it were passed on.
    private var shown = 0

    /// A filter for one shell's nonce.
    public init(_ nonce: Nonce) {
        halves = [nonce.halves]
        steps = Self.steps(halves)
    }

    /// Also hides the nonce of a shell inside the innermost one.
    public mutating func push(_ nonce: Nonce) { halves.append(nonce.halves) }

    /// Hides only the nonces of the outermost `count` shells.
    public mutating func keep(_ count: Int) { halves.removeLast(max(0, halves.count - count)) }

    /// Forgets one shell: another has taken its place.
    public mutating func remove(_ level: Int) { halves.remove(at: level) }

    /// Whether something is held back.
    public var isHolding: Bool { carried.count > shown }

    /// The output without nonces.
    public mutating func filter(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let all = carried.isEmpty ? bytes : (carried + bytes)[...]
        let first = all.startIndex + shown
        var (output, rest) = ([UInt8](), all)
        while let hit = firstHalf(in: rest) {
            let before = rest[..<hit.lowerBound]
            output += before.dropFirst(max(0, first - rest.startIndex)) + Self.mark
            rest = rest[hit.upperBound...]
        }
        let tail = tail(of: rest)
        let end = all.endIndex - (tail < Self.leastHeld ? 0 : tail)
        let last = all[min(max(first, rest.startIndex), end)..<end]
        carried = Array(all.suffix(tail))
        shown = max(0, max(first, end) - (all.endIndex - tail))
        return output.isEmpty ? last : (output + last)[...]
    }

    /// Returns the bytes held back.
    public mutating func flush() -> [UInt8] {
        defer { (carried, shown) = ([], 0) }
        return Array(carried.dropFirst(shown))
    }

    /// The first half, by Horspool's method: most bytes are passed over.
    private func firstHalf(in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        var last = bytes.startIndex + Self.length - 1
        while last < bytes.endIndex {
            let step = steps[Int(bytes[last])]
            if step > 0 {
                last += step
                continue
            }
            let range = (last - Self.length + 1)..<(last + 1)
            if halves.joined().contains(where: { bytes[range].elementsEqual($0) }) { return range }
            last += 1
        }
        return nil
    }

    /// How far a half's end is at least behind a byte: 0 for the last digit of one.
    private static func steps(_ halves: [[[UInt8]]]) -> [Int] {
        var steps = [Int](repeating: length, count: 256)
        for half in halves.joined() {
            for (index, digit) in half.enumerated() {
                steps[Int(digit)] = min(steps[Int(digit)], length - 1 - index)
            }
        }
        return steps
    }

    /// How many bytes at the end begin a half.
    private func tail(of bytes: ArraySlice<UInt8>) -> Int {
        var longest = 0
        for half in halves.joined() {
            for count in stride(from: min(Self.length - 1, bytes.count), to: longest, by: -1)
            where bytes[bytes.endIndex - count] == half[0]
                && bytes.suffix(count).elementsEqual(half.prefix(count))
            {
                longest = count
                break
            }
        }
        return longest
    }
}
