// Changes of valid inputs, as a fuzzer makes them. Pure. Invariant: the same generator gives the
// same input, of at most 256 KiB.
import Support

/// Changed inputs.
enum Mutation {
    private static let limit = 256 << 10
    /// Pieces that parsers stumble over.
    private static let pieces: [[UInt8]] =
        [
            "\0", "\r\n", "\r", "\n", "\u{feff}", "\u{202e}", "\u{1b}[2J", "\"", "\\", "{", "}",
            "[",
            "]", ",", ":", "@", "/", "%", "*", "-", "0", "-0", "1e999", "9007199254740993",
            "18446744073709551616",
            "null", "true", "\\ud800", "Transfer-Encoding: chunked\r\n", "Content-Length: 1\r\n",
            "Host: x\r\n", "ffffffff\r\n", "../", "~", "${HOME}", "Include ", "=", "::", "0x",
            "\u{e9}\u{301}", "é",
        ].map { Array($0.utf8) }
        + [
            [255, 255, 255, 255], [127, 255, 255, 255], [0, 0, 0, 0], [0x80], [0xc0, 0xaf], [0xff],
        ]

    /// A seed, or two, with some changes.
    static func of(_ seeds: [[UInt8]], _ random: inout Seeded) -> [UInt8] {
        var bytes = seeds.randomElement(using: &random) ?? []
        if Int.random(in: 0..<8, using: &random) == 0,
            let other = seeds.randomElement(using: &random)
        {
            bytes =
                bytes.prefix(Int.random(in: 0...bytes.count, using: &random))
                + other.suffix(Int.random(in: 0...other.count, using: &random))
        }
        for _ in 0..<Int.random(in: 1...6, using: &random) { change(&bytes, &random) }
        return Array(bytes.prefix(limit))
    }

    private static func change(_ bytes: inout [UInt8], _ random: inout Seeded) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, place + Int.random(in: 0...20, using: &random))
        switch Int.random(in: 0..<9, using: &random) {
        case 0 where place < bytes.count:
            bytes[place] ^= 1 << UInt8(random.next() % 8)
        case 1 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2: bytes.removeSubrange(place..<end)
        case 3:
            let piece = pieces.randomElement(using: &random) ?? []
            bytes.insert(contentsOf: piece, at: place)
        case 4:
            let piece = pieces.randomElement(using: &random) ?? []
            bytes.replaceSubrange(place..<end, with: piece)
        case 5: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
        case 6: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
        case 7 where Int.random(in: 0..<20, using: &random) == 0:
            // The same piece very often: what is quadratic shows.
            let piece =
                Bool.random(using: &random)
                ? Array(bytes[place..<end]) : pieces.randomElement(using: &random) ?? []
            let count = Int.random(in: 1...(100_000 / max(1, piece.count)), using: &random)
            bytes.insert(contentsOf: (0..<count).flatMap { _ in piece }, at: place)
        default:
            guard
                let digit = bytes.indices.filter({ 48...57 ~= bytes[$0] }).randomElement(
                    using: &random)
            else { return }
            bytes[digit] = UInt8.random(in: 48...57, using: &random)
        }
    }
}
