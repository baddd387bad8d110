// Lines for standard error: in order, without waiting for the reader, and counted where they are
// dropped; and the share that strangers have of them.
import Foundation
import Support
import Testing

@testable import Loop

@Suite(.timeLimit(.minutes(1))) struct LogTests {
    @Test func `a log that nobody reads holds nobody up, and says what it dropped`() async throws {
        let pipe = Pipe()
        let log = LogWriter(pipe.fileHandleForWriting.fileDescriptor)
        let line = String(repeating: "x", count: 99)
        let count = 20_000
        for number in 0..<count { log.add("\(number) \(line)") }
        // Nothing was read: it gives up after its limit.
        log.settle(within: .milliseconds(5))

        let reading = Task.detached { () -> [Substring] in
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            return String(decoding: data, as: UTF8.self).split(separator: "\n")
        }
        log.settle(within: .seconds(30))
        log.add("after")
        log.settle(within: .seconds(30))
        try pipe.fileHandleForWriting.close()
        let lines = await reading.value

        // Each line is in its place or part of a count that stands in its place; how often the
        // writer got between them is the machine's affair.
        var next = 0
        var reports = 0
        for line in lines.dropLast() {
            if let end = line.range(of: " lines dropped: nobody read the log in time") {
                next += Int(line[..<end.lowerBound]) ?? 0
                reports += 1
            } else if line.hasPrefix("\(next) ") {
                next += 1
            } else {
                Issue.record("after \(next) lines comes \(line.prefix(40))")
                break
            }
        }
        #expect(next == count)
        #expect(reports > 0)
        #expect(lines.last == "after")
    }

    @Test func `a queue keeps its bound and the order of what it reports`() {
        var queue = LogQueue()
        func added(_ line: String) -> Bool { queue.add(line) }
        func taken() -> String? { queue.take().map { String(decoding: $0, as: UTF8.self) } }
        let large = String(repeating: "x", count: LogQueue.capacity - 8)
        #expect(added(large))
        #expect(!added("nine bytes"))
        // It has room, but its place is behind the line that was dropped.
        #expect(!added("a"))
        #expect(taken() == large + "\n2 lines dropped: nobody read the log in time\n")
        #expect(!added("b"))
        #expect(taken() == "b\n")
        #expect(taken() == nil)
        #expect(!queue.isBusy)
        #expect(added("c"))
    }

    @Test func `a writer whose descriptor is closed goes on`() {
        let log = LogWriter(-1)
        log.add("lost")
        log.settle(within: .seconds(30))
        log.add("lost too")
        log.settle(within: .seconds(30))
    }

    @Test func `strangers have a share of lines of each kind, and the rest is a sum`() {
        var budget = LogBudget<String>(lines: 2, within: .seconds(60))
        let now = ContinuousClock.now
        func admits(_ kind: String, _ second: Int) -> Bool {
            budget.admits(kind, at: now + .seconds(second))
        }
        func settled() -> [String: Int] { budget.settle() }
        #expect(budget.end == nil)
        #expect((0..<5).map { admits("tls", $0) } == [true, true, false, false, false])
        #expect(admits("hello", 5))
        #expect(budget.end == now + .seconds(60))
        #expect(settled() == ["tls": 3])
        #expect(budget.end == nil)
        #expect(admits("tls", 61))
        #expect(settled() == [:])
    }

    @Test func `strangers have a limit over all kinds of lines`() {
        var budget = LogBudget<Int>(lines: 3, linesInAll: 4, within: .seconds(60))
        let now = ContinuousClock.now
        var admitted = 0
        for kind in 0..<100 where budget.admits(kind, at: now) { admitted += 1 }
        #expect(admitted == 4)
        #expect(budget.settle().values.reduce(0, +) == 96)
        var kinds: [Int] = []
        for _ in 0..<5 where budget.admits(7, at: now) { kinds.append(7) }
        #expect(kinds.count == 3)
        #expect(budget.settle() == [7: 2])
    }
}
