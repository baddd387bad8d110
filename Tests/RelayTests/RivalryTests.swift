// Two machines with one identity are found, and restarts and late dials are not taken for them.
import Loop
import Testing

@testable import homeline_relay

@Suite struct RivalryTests {
    /// What is heard, as boot numbers; `+` lets 11 minutes pass.
    private static let rows: [(heard: String, isFound: Bool)] = [
        ("1", false), ("1 1 1 1 1 1", false),
        // Restarts, however many.
        ("1 2 3 4 5 6 7 8 9 10 11 12", false),
        // The old process's dial arrives late; the new one is alive.
        ("1 2 1 2", false),
        // A machine that was set back to an earlier state with its clock.
        ("9 5 5 5 5 5 5", false),
        // Two that take turns, by dials or by signs of life.
        ("1 2 1 2 1", false), ("1 2 1 2 1 2", true), ("2 1 2 1 2 1", true),
        ("1 1 2 2 1 2 2 1 1 2", true),
        // Two, one of which restarts each time it is refused.
        ("5 6 5 6 7 6 7 8 7 8", true),
        // `homeline-agent doctor` beside its agent.
        ("0 7 0 7 0 7 0 7 0 7", false),
        // Long ago does not count; nor is a found rivalry forgotten while both are heard.
        ("1 2 1 2 + 1 2 1 2", false), ("1 2 1 2 1 2 +", false),
    ]

    @Test func `two machines are found by boot numbers that take turns`() {
        for (heard, isFound) in Self.rows {
            var (rivalry, now, news) = (Rivalry(), ContinuousClock.now, 0)
            for word in heard.split(separator: " ") {
                if let boot = Int64(word) {
                    now += .seconds(2)
                    if rivalry.note(boot: boot, peer: "host-\(boot)", at: now) { news += 1 }
                } else {
                    now += .seconds(660)
                }
            }
            #expect(rivalry.isFound(at: now) == isFound, "\(heard)")
            #expect(news <= 1, "\(heard)")
        }
    }

    @Test func `a found rivalry lasts while both are heard, and ends after`() {
        var (rivalry, now) = (Rivalry(), ContinuousClock.now)
        for boot in [1, 2, 1, 2, 1, 2] as [Int64] {
            _ = rivalry.note(boot: boot, peer: "host-\(boot)", at: now)
        }
        for _ in 0..<20 {
            now += .seconds(300)
            for boot in [1, 2] as [Int64] {
                let isNew = rivalry.note(boot: boot, peer: "host-\(boot)", at: now)
                #expect(!isNew)
            }
            #expect(rivalry.isFound(at: now) && rivalry.peer(besides: 2) == "host-1")
        }
        #expect(!rivalry.isFound(at: now + Rivalry.memory))
    }
}
