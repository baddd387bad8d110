// Hostile input takes its time in proportion to its size. Random input: see FuzzTests.
import Support
import Testing

@testable import Screen

@Suite struct ScreenCostTests {
    @Test func `the costliest input takes its time in proportion`() {
        for text in [
            "\n", "\u{1b}[2J", "\u{1b}[L", "x\u{1b}[99999b", "\u{1b}#8", "x\u{1b}[4h", "\u{1b}M",
            "\u{1b}c", "a\u{301}\u{302}\u{303}", "\u{1b}[99999I\u{1b}[99999Z",
        ] {
            let screen = Screen(columns: 511, rows: 50)
            let bytes = Array(String(repeating: text, count: 16384 / text.utf8.count).utf8)
            let begun = threadTime()
            screen.feed(bytes[...])
            let took = threadTime() - begun
            #expect(took < .seconds(20), "\(text.debugDescription)")
        }
    }
}
