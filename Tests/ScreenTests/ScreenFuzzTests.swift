// Hostile input: seeded random sequences, sizes and cuts. Nothing crashes, nothing grows, and two
// screens that got the same bytes in other pieces are the same.
import Testing

@testable import Screen

@Suite struct ScreenFuzzTests {
    struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    static let finals = Array("@ABCDEFGHIJKLMPSTXZ`abcdefghijklmnpqrstuvx}~".utf8)

    static func piece(_ random: inout Seeded) -> [UInt8] {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return [UInt8.random(in: 0...255, using: &random)]
        case 1: return [0x1b, UInt8.random(in: 0...255, using: &random)]
        case 2:
            return Array("\u{1b}".utf8) + [
                [40, 41, 35, 32, 78, 79, 99, 55, 56].randomElement(using: &random) ?? 40
            ]
                + [UInt8.random(in: 48...90, using: &random)]
        case 3:
            let texts = ["漢", "e\u{301}", "\u{200d}", "🙂", "\u{85}", "é"]
            return Array((texts.randomElement(using: &random) ?? "é").utf8)
        case 4: return [[8, 9, 10, 13, 14, 15].randomElement(using: &random) ?? 10]
        case 5: return Array("text \(random.next() % 1000)".utf8)
        case 6:
            let mode =
                [1, 3, 6, 7, 25, 47, 69, 1000, 1047, 1048, 1049, 2004].randomElement(using: &random)
                ?? 1
            return Array("\u{1b}[?\(mode)\(Bool.random(using: &random) ? "h" : "l")".utf8)
        default:
            var sequence = Array("\u{1b}[".utf8)
            for index in 0..<Int.random(in: 0...3, using: &random) {
                if index > 0 { sequence.append(59) }
                let number =
                    [0, 1, 2, 5, 49, 50, 80, 999, 99_999, 2_147_483_647].randomElement(
                        using: &random) ?? 1
                sequence += Array("\(number)".utf8)
            }
            return sequence + [finals.randomElement(using: &random) ?? 65]
        }
    }

    @Test func `random sequences in any pieces give one screen`() {
        let clock = ContinuousClock()
        let start = clock.now
        var seed = UInt64(0)
        while clock.now - start < .seconds(4) {
            seed += 1
            var random = Seeded(state: seed)
            var width = Int.random(in: 1...120, using: &random)
            var height = Int.random(in: 1...50, using: &random)
            let whole = Screen(columns: width, rows: height)
            let cut = Screen(columns: width, rows: height)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                var bytes: [UInt8] = []
                for _ in 0..<Int.random(in: 1...200, using: &random) {
                    bytes += Self.piece(&random)
                }
                whole.feed(bytes[...])
                var rest = bytes[...]
                while !rest.isEmpty {
                    let size = Int.random(in: 1...20, using: &random)
                    cut.feed(rest.prefix(size))
                    rest = rest.dropFirst(size)
                }
                #expect(whole.rows == cut.rows, "seed \(seed)")
                #expect(whole.cursor == cut.cursor, "seed \(seed)")
                #expect(whole.lines.count == height && whole.otherLines.count == height)
                #expect(whole.lines.allSatisfy { $0.count <= width }, "seed \(seed)")
                #expect((0..<height).contains(whole.cursor.row), "seed \(seed)")
                #expect((0..<width).contains(whole.cursor.column), "seed \(seed)")
                width = Int.random(in: 1...120, using: &random)
                height = Int.random(in: 1...50, using: &random)
                whole.resize(columns: width, rows: height)
                cut.resize(columns: width, rows: height)
            }
        }
    }

    @Test func `the costliest input takes its time in proportion`() {
        let clock = ContinuousClock()
        for text in [
            "\n", "\u{1b}[2J", "\u{1b}[L", "x\u{1b}[99999b", "\u{1b}#8", "x\u{1b}[4h", "\u{1b}M",
            "\u{1b}c", "a\u{301}\u{302}\u{303}", "\u{1b}[99999I\u{1b}[99999Z",
        ] {
            let screen = Screen(columns: 511, rows: 50)
            let bytes = Array(String(repeating: text, count: 16384 / text.utf8.count).utf8)
            let took = clock.measure { screen.feed(bytes[...]) }
            #expect(took < .seconds(20), "\(text.debugDescription)")
        }
    }
}
