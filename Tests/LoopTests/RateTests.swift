// A burst, then a rate: a table of times.
import Loop
import Testing

@Suite struct RateTests {
    @Test func `has a burst, then a number per second`() {
        var rate = Rate(burst: 3, perSecond: 2)
        let start = ContinuousClock.now
        let asked: [(Duration, Bool)] = [
            (.zero, true), (.zero, true), (.zero, true), (.zero, false),
            (.milliseconds(400), false),
            (.milliseconds(500), true), (.milliseconds(900), false), (.seconds(1), true),
            (.seconds(60), true), (.seconds(60), true), (.seconds(60), true), (.seconds(60), false),
        ]
        for (time, admits) in asked {
            let isAdmitted = rate.admits(at: start + time)
            #expect(isAdmitted == admits, "\(time)")
        }
        #expect(rate.wait == .milliseconds(500))
        #expect(!rate.isFull(at: start + .seconds(61)))
        #expect(rate.isFull(at: start + .milliseconds(61_500)))
    }
}
