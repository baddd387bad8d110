// Lines about peers who decide how often they are written about: some are written, the rest is a
// total, at the latest when the log is closed.
import Loop
import Testing

@Suite struct PacedLogTests {
    @Test @IO func `what is kept back is a total when the log is closed`() {
        var written: [String] = []
        let log = PacedLog<String>(lines: 2, linesInAll: 3) {
            written.append($0)
        } total: {
            "\($0): \($1) more"
        }
        for _ in 0..<5 { log.note("a", "a said x", "a said y") }
        log.note("b", "b said x")
        log.note("c", "c said x")
        #expect(
            written == ["a said x", "a said y", "a said x", "a said y", "b said x"])
        written = []
        log.close()
        #expect(written.sorted() == ["a: 3 more", "c: 1 more"])
        written = []
        log.close()
        #expect(written.isEmpty)
        log.note("c", "c said x")
        #expect(written == ["c said x"])
        log.close()
    }
}
