// A program's limits as people read them.
import Testing

@testable import Configuration

@Suite struct LimitTests {
    @Test func `quantities are exact, in the largest unit`() {
        #expect(Limit.text(bytes: 64 << 20) == "64 MiB")
        #expect(Limit.text(bytes: 1_000_000) == "1,000,000 B")
        #expect(Limit.text(bytes: 1536 << 10) == "1,536 KiB")
        #expect(Limit.text(bytes: 0) == "0 B")
        #expect(Limit.text(time: .seconds(75)) == "75 s")
        #expect(Limit.text(time: .seconds(4 * 3600)) == "4 h")
        #expect(Limit.text(time: .milliseconds(1500)) == "1,500 ms")
    }

    @Test func `a table has one line for each limit`() {
        let rows = [
            Limit("a", count: 10_000, "503"), Limit("longer", time: .seconds(1), "it ends"),
        ]
        #expect(rows.text == "a       10,000  503\nlonger     1 s  it ends\n")
        #expect(rows.markdown.split(separator: "\n").count == 4)
    }
}
