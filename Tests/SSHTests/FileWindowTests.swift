// The window of a file follows the rate and the round trip that were measured. No server, no clock.
import Loop
import Testing

@testable import SSH

@Suite struct FileWindowTests {
    /// The window after a second of answers on a way that takes `rate` MiB/s with this round trip.
    private static func window(
        milliseconds: Double, rate: Int, inCompany: Bool = false
    ) -> Int {
        var window = FileWindow()
        let start = ContinuousClock.now
        let trip = Duration.microseconds(Int64(milliseconds * 1000))
        var passed = Duration.zero
        while passed < .seconds(1) {
            // What the window lets through in a round trip, but no more than the way takes.
            let most = Int(Double(rate << 20) * (max(trip, .milliseconds(1)) / .seconds(1)))
            let bytes = min(window.bytes(inCompany: inCompany), most)
            passed += max(trip, .milliseconds(1))
            window.answered(bytes, sent: start + passed - trip, now: start + passed)
        }
        return window.bytes(inCompany: inCompany)
    }

    @Test(arguments: [(0.2, 60, 256 << 10), (20.0, 50, 2 << 20), (100.0, 10, 2 << 20)])
    func `beside other channels it holds no more than the way does`(
        milliseconds: Double, rate: Int, expected: Int
    ) {
        let window = Self.window(milliseconds: milliseconds, rate: rate, inCompany: true)
        #expect(window >= expected * 9 / 10 && window <= expected * 11 / 10, "\(window)")
    }

    @Test(arguments: [
        (0.2, 300, 1 << 20), (5.0, 100, 1 << 20), (20.0, 50, 2 << 20), (20.0, 100, 4 << 20),
        (100.0, 10, 2 << 20), (100.0, 1000, 8 << 20), (1000.0, 1, 2 << 20),
    ])
    func `it is twice what the way holds`(milliseconds: Double, rate: Int, expected: Int) {
        let window = Self.window(milliseconds: milliseconds, rate: rate)
        // A round trip of a second gives one measurement at most.
        let least = milliseconds < 500 ? expected * 9 / 10 : 1 << 20
        #expect(window >= least && window <= expected * 11 / 10, "\(window)")
    }
}
