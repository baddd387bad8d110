// A screen drawn in turns shows what one drawn at once shows, however the output is cut.
import Loop
import Screen
import Support
import Testing

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct CanvasTests {
    @Test(arguments: [1, 2, 3])
    @IO func `turns, cuts and new sizes change nothing of what is shown`(seed: UInt64) async {
        var random = Seeded(state: seed)
        var held = false
        let canvas = Canvas(columns: 100, rows: 20) { held = $0 }
        let screen = Screen(columns: 100, rows: 20)
        let words = [
            "hello ", "\u{1b}[2A", "\u{1b}[K", "\r\n", "\u{1b}[5;9H", "漢", "\u{1b}[?1049h",
            "\u{1b}[?1049l", "\u{1b}[2J", "e\u{301}", "\u{1b}[3L",
        ]
        for _ in 0..<60 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...400, using: &random) {
                bytes += Array((words.randomElement(using: &random) ?? "").utf8)
            }
            canvas.draw(bytes[...])
            screen.feed(bytes[...])
            if Int.random(in: 0..<8, using: &random) == 0 {
                let (columns, rows) = (Int.random(in: 20...120, using: &random), 12)
                canvas.resize(columns: columns, rows: rows)
                screen.resize(columns: columns, rows: rows)
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                let shown = await canvas.shown()
                #expect(shown.rows == screen.rows, "seed \(seed)")
                #expect(shown.cursor == screen.cursor, "seed \(seed)")
            }
        }
        #expect(await canvas.shown().rows == screen.rows, "seed \(seed)")
        #expect(await holds { !held })
    }

    @Test @IO func `a program that draws faster than its screen is held off, and let go`() async {
        var held: [Bool] = []
        let canvas = Canvas(columns: 80, rows: 24) { held.append($0) }
        let bytes = Array(String(repeating: "\u{1b}[2Ahello\u{1b}[K\r\n", count: 1000).utf8)
        while held.isEmpty { canvas.draw(bytes[...]) }
        #expect(held == [true] && canvas.isHolding)
        _ = await canvas.shown()
        #expect(held == [true, false] && !canvas.isHolding)
        while held.count < 3 { canvas.draw(bytes[...]) }
        canvas.end()
        #expect(held == [true, false, true, false])
    }
}
