// What the ends of a lasting stream remember: random writes, deliveries, acknowledgements and cuts,
// in memory, and no byte is lost or doubled.
import Support
import Testing

@testable import Tunnel

@Suite struct StreamLedgerTests {
    /// One direction of a tunnel: what is under way, and whether the sender's end follows.
    private struct Way {
        var bytes: [UInt8] = []
        var hasEnd = false
    }

    /// Two ends and the tunnel between them.
    private struct Course {
        var ledgers = [StreamLedger(), StreamLedger()]
        var ways = [Way(), Way()]
        var delivered: [[UInt8]] = [[], []]
        var ends = [0, 0]
        /// Offsets at which the bytes of the present tunnel begin, by sender.
        var starts: [UInt64] = [0, 0]
        var taken: [UInt64] = [0, 0]
        var written = [0, 0]
        let total: [Int]
        var random: Seeded

        init(_ seed: UInt64) {
            random = Seeded(state: seed)
            total = [
                Int.random(in: 0...900, using: &random), Int.random(in: 0...900, using: &random),
            ]
        }

        mutating func write(_ from: Int) {
            let count = min(
                Int.random(in: 0...80, using: &random), total[from] - written[from])
            let bytes = (written[from]..<written[from] + count).map {
                UInt8(truncatingIfNeeded: $0)
            }
            bytes.withUnsafeBytes { ledgers[from].write($0) }
            written[from] += count
            if written[from] == total[from] { ledgers[from].end() }
        }

        mutating func hand(_ from: Int) {
            let count = min(Int.random(in: 0...60, using: &random), ledgers[from].unsent)
            var handed: [UInt8] = []
            ledgers[from].hand(count) { handed.append(contentsOf: $0) }
            ways[from].bytes += handed
            if ledgers[from].owesEnd {
                ledgers[from].handEnd()
                ways[from].hasEnd = true
            }
        }

        mutating func deliver(_ from: Int) {
            let to = 1 - from
            let count = Int.random(in: 0...ways[from].bytes.count, using: &random)
            delivered[to] += ways[from].bytes.prefix(count)
            ledgers[to].receive(count)
            taken[from] += UInt64(count)
            ways[from].bytes.removeFirst(count)
            if ways[from].hasEnd, ways[from].bytes.isEmpty {
                ways[from].hasEnd = false
                if ledgers[to].receiveEnd() { ends[to] += 1 }
            }
        }

        /// What was taken is acknowledged late, and in part.
        mutating func acknowledge(_ from: Int) {
            ledgers[from].acknowledge(
                starts[from] + UInt64.random(in: 0...taken[from], using: &random))
        }

        /// The tunnel ends with what is under way, and the next one comes.
        mutating func cut() {
            ways = [Way(), Way()]
            for end in 0...1 {
                let offset = ledgers[1 - end].received
                let isKept = ledgers[end].resume(at: offset)
                #expect(isKept)
                (starts[end], taken[end]) = (offset, 0)
            }
        }

        var isDone: Bool { ledgers.allSatisfy(\.isWhole) && ways.allSatisfy { !$0.hasEnd } }
    }

    @Test func `no sequence of cuts loses or doubles a byte`() {
        for seed in UInt64(1)...600 {
            var course = Course(seed)
            var steps = 0
            while !course.isDone, steps < 20_000 {
                steps += 1
                let end = Int.random(in: 0...1, using: &course.random)
                switch Int.random(in: 0...40, using: &course.random) {
                case 0: course.cut()
                case 1...10: course.write(end)
                case 11...20: course.hand(end)
                case 21...30: course.deliver(end)
                default: course.acknowledge(end)
                }
                let ledger = course.ledgers[end]
                #expect(ledger.acknowledged <= ledger.handed && ledger.handed <= ledger.reached)
            }
            for end in 0...1 {
                let expected = (0..<course.total[1 - end]).map { UInt8(truncatingIfNeeded: $0) }
                #expect(course.delivered[end] == expected, "seed \(seed)")
                #expect(course.ends[end] == 1, "seed \(seed)")
            }
        }
    }

    @Test func `what was taken is not kept, and cannot be asked for`() {
        var ledger = StreamLedger()
        ledger.write(Array("0123456789"))
        ledger.hand(6) { _ in }
        #expect(ledger.unsent == 4 && ledger.unacknowledged == 6)
        ledger.acknowledge(4)
        #expect(ledger.unacknowledged == 2)
        // More than was sent is a lie.
        ledger.acknowledge(7)
        #expect(ledger.acknowledged == 4)
        for (offset, isKept) in [(UInt64(3), false), (4, true), (6, true), (7, false)] {
            #expect(ledger.canResume(at: offset) == isKept)
        }
        let isResumed = ledger.resume(at: 5)
        #expect(isResumed)
        var again: [UInt8] = []
        ledger.hand(ledger.unsent) { again.append(contentsOf: $0) }
        #expect(again == Array("56789".utf8))
        // Handing over again what was handed over before takes no more room.
        #expect(ledger.growth(by: 0) == 0 && ledger.unacknowledged == 5)
    }
}

extension StreamLedger {
    fileprivate mutating func write(_ text: [Character]) {
        Array(String(text).utf8).withUnsafeBytes { write($0) }
    }
}
