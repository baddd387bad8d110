// Takes nonces out of a program's output: a list of what a shell has (`set`, `functions`,
// `history`), or a prompt that a program prints, must not show what makes a mark ours.
// Invariant: neither half of a nonce is passed on, however the output is cut; other bytes are
// passed on as they are, and at most 15 are held back.

/// Replaces the halves of nonces in a stream of bytes.
public struct NonceFilter: Sendable {
    /// What replaces a half.
    public static let replacement = Array("[nonce]".utf8)
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
            output += before.dropFirst(max(0, first - rest.startIndex)) + Self.replacement
            rest = rest[hit.upperBound...]
        }
        let tail = tail(of: rest)
        let end = all.endIndex - (tail < Self.leastHeld ? 0 : tail)
        let last = all[min(max(first, rest.startIndex), end)..<end]
        carried = Array(all.suffix(tail))
        shown = max(0, max(first, end) - (all.endIndex - tail))
        return output.isEmpty ? last : (output + last)[...]
    }

    /// Passes on the bytes held back; if they were a half's beginning, its rest is still replaced.
    public mutating func flush() -> [UInt8] {
        defer { shown = carried.count }
        return Array(carried.dropFirst(shown))
    }

    /// The first half, by the method of Wu and Manber: most bytes are passed over, as every byte
    /// that a terminal sends is examined here.
    private func firstHalf(in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        var last = Self.length - 1
        while let place = lastOfHalf(in: bytes, from: last) {
            let end = bytes.startIndex + place + 1
            let range = (end - Self.length)..<end
            if halves.joined().contains(where: { bytes[range].elementsEqual($0) }) { return range }
            last = place + 1
        }
        return nil
    }

    /// Where the last two digits of a half may be, counted from the first byte.
    private func lastOfHalf(in bytes: ArraySlice<UInt8>, from first: Int) -> Int? {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe steps.withUnsafeBufferPointer { table in
                guard let text = buffer.baseAddress, let steps = table.baseAddress else {
                    return nil
                }
                var last = first
                while last < buffer.count {
                    let step = unsafe steps[Self.hash(text[last - 1], text[last])]
                    if step == 0 { return last }
                    last += step
                }
                return nil
            }
        }
    }

    /// 0...255 for two bytes; hexadecimal digits are spread best.
    private static func hash(_ first: UInt8, _ second: UInt8) -> Int {
        Int(first << 4 ^ second)
    }

    /// How far a half's end is at least behind two bytes with a hash: 0 for its last digits.
    private static func steps(_ halves: [[[UInt8]]]) -> [Int] {
        var steps = [Int](repeating: length - 1, count: 256)
        for half in halves.joined() {
            for last in 1..<length {
                let hash = hash(half[last - 1], half[last])
                steps[hash] = min(steps[hash], length - 1 - last)
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
