// What a subject is fed: bytes as hostile and as usual programs send them, and events at places.
// Invariant: the same generator gives the same input.
import Support
import Terminal

/// A stream with events.
struct Input {
    var bytes: [UInt8] = []
    /// Places in the stream, ascending.
    var events: [(place: Int, number: UInt64)] = []

    /// Something random.
    init(_ random: inout Seeded) {
        for _ in 0..<Int.random(in: 1...(Bool.random(using: &random) ? 12 : 150), using: &random) {
            bytes += Self.piece(&random)
            if Int.random(in: 0..<12, using: &random) == 0 {
                events.append((bytes.count, random.next()))
            }
        }
    }

    private static let finals = Array("@ABCDEFGHIJKLMPSTXZ`abcdefghijklmnpqrstuvx}~".utf8)
    private static let texts = [
        "漢", "e\u{301}", "\u{200d}", "🙂", "\u{85}", "é", "\r\n", "\r\r\n", " __c='1'\r\n",
        "text 1\n",
        "text 2\r\n", "\u{7}", "\u{1b}\\", "\u{1b}]133;", "\u{1b}c",
    ]
    private static let numbers = [0, 1, 2, 5, 49, 50, 80, 999, 99_999, 2_147_483_647]
    private static let modes = [1, 3, 6, 7, 25, 47, 69, 1000, 1002, 1047, 1048, 1049, 2004]

    private static func piece(_ random: inout Seeded) -> [UInt8] {
        func one<T>(_ choices: [T], _ fallback: T) -> T {
            choices.randomElement(using: &random) ?? fallback
        }
        switch Int.random(in: 0..<18, using: &random) {
        case 0: return [UInt8.random(in: 0...255, using: &random)]
        case 1: return [0x1b, UInt8.random(in: 0...255, using: &random)]
        case 2:
            return [0x1b, one([40, 41, 35, 32, 78, 79, 99, 55, 56], 40)]
                + [UInt8.random(in: 48...90, using: &random)]
        case 3, 4: return Array(one(texts, "é").utf8)
        case 5: return [one([8, 9, 10, 13, 14, 15, 0x18, 0x1a], 10)]
        case 6, 7: return Array("text \(random.next() % 9)".utf8)
        case 8:
            return Array(
                "\u{1b}[?\(one(modes, 1))\(Bool.random(using: &random) ? "h" : "l")".utf8)
        case 9, 10, 11: return mark(&random)
        case 12:
            let body = one(["]0;title", "]2;é\u{1b}[A", "P1$r0m", "X", "_a;b", "^"], "]")
            return Array("\u{1b}\(body)\(one(["\u{7}", "\u{1b}\\", "\n", ""], ""))".utf8)
        case 13 where random.next() % 20 == 0:
            return [UInt8](repeating: one([97, 59, 32, 13, 0x1b, 0xc3], 97), count: 20_000)
        default:
            var sequence = Array("\u{1b}[".utf8)
            for index in 0..<Int.random(in: 0...3, using: &random) {
                if index > 0 { sequence.append(59) }
                sequence += Array("\(one(numbers, 1))".utf8)
            }
            return sequence + [one(finals, 65)]
        }
    }

    /// A mark, or nearly one.
    private static func mark(_ random: inout Seeded) -> [UInt8] {
        func number() -> Int { [0, 1, 2, 130, 148, 297, 298].randomElement(using: &random) ?? 0 }
        let key = Subjects.nonces[random.next() % 4 == 0 ? 1 : 0].text
        let letter = ["C", "D", "E", "F", "P", "G"].randomElement(using: &random) ?? "D"
        let fields =
            switch letter {
            case "C": "\(number());\(Bool.random(using: &random) ? "\r" : "")\n"
            case "F": "\u{7}"
            case "E": "\(number());\(number());/a b\u{7};c;\(key)\u{7}"
            case "P": "42;/dev/pts/3;/bin/bash;\(key)\u{7}"
            default: "\(number());\(number());\(number());/;\(key)\u{7}"
            }
        var bytes = Array("\u{1b}]133;\(letter);\(key);\(fields)".utf8)
        if random.next() % 6 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
        return bytes
    }
}
