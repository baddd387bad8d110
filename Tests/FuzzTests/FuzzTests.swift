// One seeded driver for all that follows a terminal's bytes: no crash, no unbounded memory, and the
// same account however the input is cut. 60 s in all; HOMELINE_FUZZ_SECONDS (`make fuzz`) asks for
// more, HOMELINE_FUZZ_SEED repeats a run whose seed was printed.
import Foundation
import Support
import Terminal
import Testing

@Suite(.serialized) struct FuzzTests {
    private static let environment = ProcessInfo.processInfo.environment
    static let seconds = environment["HOMELINE_FUZZ_SECONDS"].flatMap(Double.init) ?? 60
    static let seed =
        environment["HOMELINE_FUZZ_SEED"].flatMap(UInt64.init) ?? .random(in: 0...9999)

    /// What comes of an input that is cut at some places.
    static func account(_ kind: any Subject.Type, _ input: Input, cuts: [Int]) -> [UInt8] {
        let subject = kind.init()
        var events = input.events[...]
        var start = 0
        for cut in Set(cuts + input.events.map(\.place) + [input.bytes.count]).sorted() {
            if cut > start { subject.feed(input.bytes[start..<cut]) }
            start = cut
            while let event = events.first, event.place <= start {
                subject.event(event.number)
                events.removeFirst()
            }
        }
        return subject.account()
    }

    /// Whether some cutting of an input changes what comes of it.
    static func differs(_ kind: any Subject.Type, _ input: Input, _ random: inout Seeded) -> Bool {
        let count = input.bytes.count
        let whole = account(kind, input, cuts: [])
        if count < 4000, account(kind, input, cuts: Array(0..<count)) != whole { return true }
        for _ in 0..<3 {
            let size = Int.random(in: 1...60, using: &random)
            let cuts = (0..<(count / size + 1)).map { _ in Int.random(in: 0...count, using: &random)
            }
            if account(kind, input, cuts: cuts) != whole { return true }
        }
        guard count < 80 else { return false }
        return (1..<max(2, count)).contains { account(kind, input, cuts: [$0]) != whole }
    }

    @Test(.timeLimit(.minutes(240)))
    func `random terminals: no crash, and the same however they are cut`() async {
        print("fuzz: seed \(Self.seed), \(Self.seconds) s")
        let each = Duration.seconds(Self.seconds * 0.4) / Subjects.all.count
        for kind in Subjects.all {
            let end = ContinuousClock.now + each
            var (seed, bytes, isRight) = (Self.seed, 0, true)
            while ContinuousClock.now < end, isRight {
                var random = Seeded(state: seed)
                let input = Input(&random)
                isRight = !Self.differs(kind, input, &random)
                if !isRight {
                    Issue.record(
                        "\(kind), seed \(seed): the cuts matter: \(Self.least(kind, input))")
                }
                seed += 1
                bytes += input.bytes.count
                await Task.yield()
            }
            print("fuzz: \(kind): \(seed - Self.seed) streams of \(bytes) bytes")
        }
    }

    /// Less of an input that still fails.
    static func least(_ kind: any Subject.Type, _ input: Input) -> String {
        var input = input
        var size = input.bytes.count / 2
        let deadline = ContinuousClock.now + .seconds(10)
        while size > 0, ContinuousClock.now < deadline {
            var start = 0
            while start < input.bytes.count, ContinuousClock.now < deadline {
                var less = input
                let end = min(start + size, less.bytes.count)
                less.bytes.removeSubrange(start..<end)
                less.events = less.events.map { event in
                    (
                        event.place <= start ? event.place : max(start, event.place - end + start),
                        event.number
                    )
                }
                var random = Seeded(state: 1)
                if Self.differs(kind, less, &random) { input = less } else { start += size }
            }
            size /= 2
        }
        let text = String(decoding: input.bytes.prefix(600), as: UTF8.self).debugDescription
        return "\(text) (\(input.bytes.count) bytes), \(input.events.prefix(20))"
    }

    @Test(.timeLimit(.minutes(10)))
    func `what never ends costs no memory`() async {
        let endless = [
            "\u{1b}]0;", "\u{1b}P", "\u{1b}[", "\u{1b}[1;", "\u{1b}]133;D;\(Subjects.nonce.text);",
            "\r",
            "\u{1b}[?1049h\u{1b}[?1049l", "e\u{301}",
        ]
        for kind in Subjects.all where !kind.keepsAll {
            for beginning in endless {
                let before = Self.residentBytes
                let subject = kind.init()
                let head = Array(beginning.utf8)
                let piece = beginning.utf8.count < 4 ? head : [UInt8(ascii: "a")]
                let rest = (0..<4096).flatMap { _ in piece }
                subject.feed(head[...])
                for _ in 0..<24 {
                    subject.feed(rest[...])
                    await Task.yield()
                }
                // Other tests of the process take some meanwhile.
                let grown = Self.residentBytes - before
                #expect(grown < 64 << 20, "\(kind), \(beginning.debugDescription): \(grown)")
            }
        }
    }

    private static var residentBytes: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4096 }
            ?? 0
    }
}
