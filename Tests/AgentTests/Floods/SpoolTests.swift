// The disk that outputs fill: all of them have a budget, and no principal takes it from the others.
import Loop
import Testing

@testable import homeline_agent

@Suite struct SpoolTests {
    private static let mib = 1 << 20
    /// What a log keeps in memory alone, at most.
    private static let memory = 2 * 65536

    /// A log that keeps next to nothing in memory.
    @IO private func log(_ holder: String, _ spools: Spools, _ limit: Int = 4) -> OutputLog {
        OutputLog(memoryLimit: 1 << 16, spoolLimit: limit * Self.mib, of: holder, in: spools)
    }

    @IO private func fill(_ log: OutputLog, _ mib: Int, with byte: UInt8) {
        for _ in 0..<mib { log.append([UInt8](repeating: byte, count: Self.mib)[...]) }
    }

    @IO private func kept(_ log: OutputLog) -> Int { log.end - log.start }

    @Test @IO func `a principal has half, and its quiet outputs pay for those that grow`() {
        let spools = Spools(limit: 16 * Self.mib)
        let mine = (0..<6).map { _ in log("mallory", spools) }
        for (index, log) in mine.enumerated() { fill(log, 3, with: UInt8(index)) }
        #expect(spools.used <= 8 * Self.mib)
        #expect(kept(mine[0]) <= Self.memory)
        #expect(kept(mine[5]) == 3 * Self.mib)
        let bobs = (0..<2).map { _ in log("bob", spools) }
        for log in bobs { fill(log, 3, with: 77) }
        #expect(bobs.allSatisfy { kept($0) == 3 * Self.mib })
        #expect(bobs[0].bytes(0..<bobs[0].end) == [UInt8](repeating: 77, count: 3 * Self.mib))
        #expect(mine[5].bytes(mine[5].start..<mine[5].end).allSatisfy { $0 == 5 })
        // An output that was dropped is kept again from there on.
        fill(mine[0], 2, with: 9)
        #expect(kept(mine[0]) >= 2 * Self.mib && kept(mine[0]) < 3 * Self.mib)
        let newest = mine[0].bytes((mine[0].end - 2 * Self.mib)..<mine[0].end)
        #expect(newest == [UInt8](repeating: 9, count: 2 * Self.mib))
        #expect(spools.used <= 16 * Self.mib)
    }

    @Test @IO func `when all is used up, who has most pays`() {
        let spools = Spools(limit: 8 * Self.mib)
        var logs: [OutputLog] = []
        for (holder, mib) in [("small", 1), ("large", 3), ("middle", 2)] {
            logs.append(log(holder, spools))
            fill(logs[logs.count - 1], mib, with: 1)
        }
        let more = log("new", spools)
        fill(more, 3, with: 2)
        #expect(kept(more) == 3 * Self.mib)
        #expect(kept(logs[0]) == Self.mib && kept(logs[2]) == 2 * Self.mib)
        #expect(kept(logs[1]) <= Self.memory)
    }

    @Test @IO func `who has most and grows starts over, and others lose nothing`() {
        let spools = Spools(limit: 8 * Self.mib)
        let others = ["a", "b", "c"].map { log($0, spools) }
        for other in others { fill(other, 2, with: 1) }
        let mine = log("mallory", spools)
        fill(mine, 9, with: 2)
        #expect(others.allSatisfy { kept($0) == 2 * Self.mib })
        #expect(kept(mine) <= 3 * Self.mib)
        #expect(mine.bytes(mine.start..<mine.end).allSatisfy { $0 == 2 })
        #expect(spools.used <= 8 * Self.mib)
    }

    @Test @IO func `a file larger than the share keeps the newest that fits`() {
        let spools = Spools(limit: 4 * Self.mib)
        let log = log("a", spools, 64)
        for byte in UInt8(0)..<9 { fill(log, 1, with: byte) }
        #expect(kept(log) >= 2 * Self.mib && kept(log) <= 2 * Self.mib + Self.memory)
        #expect(
            log.bytes(log.start..<log.end).suffix(2 * Self.mib).elementsEqual(
                [UInt8](repeating: 7, count: Self.mib) + [UInt8](repeating: 8, count: Self.mib)))
        #expect(spools.used == 2 * Self.mib)
    }

    @Test @IO func `what ends gives its disk back, and a budget of nothing keeps memory alone`() {
        let spools = Spools(limit: 16 * Self.mib)
        var one: OutputLog? = log("a", spools)
        if let one { fill(one, 3, with: 1) }
        #expect(spools.used > 2 * Self.mib)
        one = nil
        #expect(spools.used == 0)
        let none = log("a", Spools(limit: 0))
        fill(none, 2, with: 1)
        #expect(kept(none) <= Self.memory)
    }
}
