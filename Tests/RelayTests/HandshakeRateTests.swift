// How many TLS handshakes an address may begin: a table of times.
import Testing

@testable import homeline_relay

@Suite struct HandshakeRateTests {
    private let start = ContinuousClock.now

    /// How many of 1,000 handshakes may begin.
    private func begun(
        _ rate: inout HandshakeRate, _ address: String?, after time: Duration = .zero
    ) -> Int {
        (0..<1000).count { _ in rate.admits(address, at: start + time) }
    }

    @Test func `an address has its burst, then its rate, and others have their own`() {
        var rate = HandshakeRate()
        for (address, time, count) in [
            ("1.2.3.4", .zero, 64), ("1.2.3.5", .zero, 64), ("1.2.3.4", .seconds(1), 16),
            ("1.2.3.4", .seconds(100), 64), (nil, .zero, 1000),
        ] as [(String?, Duration, Int)] {
            let begun = begun(&rate, address, after: time)
            #expect(begun == count, "\(address ?? "this machine") after \(time)")
        }
    }

    @Test func `any number of addresses is served, and a bounded number is kept`() {
        var rate = HandshakeRate()
        for number in 0..<20_000 {
            let isAdmitted = rate.admits("\(number)", at: start)
            #expect(isAdmitted)
            #expect(rate.kept <= HandshakeRate.keptLimit)
        }
        #expect(rate.kept > 0)
    }

    @Test func `an address that has used its burst is kept when quiet ones are forgotten`() {
        var rate = HandshakeRate()
        for number in 0..<HandshakeRate.keptLimit - 1 { _ = rate.admits("\(number)", at: start) }
        let later = start + .seconds(1)
        _ = begun(&rate, "1.2.3.4", after: .seconds(1))
        _ = rate.admits("the next one", at: later)
        #expect(rate.kept == 2)
        let isAdmitted = rate.admits("1.2.3.4", at: later)
        #expect(!isAdmitted)
    }
}
