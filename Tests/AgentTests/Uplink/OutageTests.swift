// When the log says how long the relay has been out of reach: a table of times, without a clock.
import Testing

@testable import homeline_agent

@Suite struct OutageTests {
    @Test func `a long outage is said after 5 min, then every 10 min, with its length and dials`() {
        let start = ContinuousClock.now
        var outage = Outage(start)
        for (seconds, words) in [
            (1, nil), (60, nil), (299, nil), (300, "5 min, after 4 dials"), (360, nil), (899, nil),
            (930, "15 min, after 7 dials"), (1529, nil), (1530, "25 min, after 9 dials"),
        ] as [(Int, String?)] {
            let said = outage.failed(at: start + .seconds(seconds))
            #expect((said == nil) == (words == nil), "\(seconds): \(said ?? "nothing")")
            if let words { #expect(said?.contains(words) == true, "\(said ?? "nothing")") }
        }
    }
}
