// The window of a lasting stream follows what the way holds. No tunnel, no clock.
import Testing

@testable import Tunnel

@Suite struct StreamWindowTests {
    /// The most bytes on their way after a second, on a way that takes `rate` MiB/s and answers
    /// after `milliseconds`, and later where more is on its way than it takes in that time.
    private static func most(milliseconds: Double, rate: Int) -> Int {
        var window = StreamWindow()
        let start = ContinuousClock.now
        let portion = LastingStream.portion
        let perSecond = Double(rate << 20)
        var sent: UInt64 = 0
        var taken: UInt64 = 0
        var leaves = 0.0
        var arrivals: [Double] = []
        var most = 0
        var now = 0.0
        while now < 1 {
            while window.admits(portion, beside: Int(sent - taken)) {
                sent += UInt64(portion)
                window.handed(upTo: sent, at: start + .seconds(now))
                leaves = max(leaves, now) + Double(portion) / perSecond
                arrivals.append(leaves + milliseconds / 1000)
            }
            now = max(now, arrivals.removeFirst())
            taken += UInt64(portion)
            window.acknowledged(portion, upTo: taken, at: start + .seconds(now))
            if now > 0.5 { most = max(most, Int(sent - taken)) }
        }
        return most
    }

    @Test(arguments: [(0.2, 60), (1.0, 60), (10.0, 5)])
    func `on a short way two portions are on their way`(milliseconds: Double, rate: Int) {
        #expect(Self.most(milliseconds: milliseconds, rate: rate) <= StreamWindow.least)
    }

    @Test(arguments: [(20.0, 50), (50.0, 6), (100.0, 10)])
    func `on a long way it is what keeps the way busy, and little more`(
        milliseconds: Double, rate: Int
    ) {
        let held = Double(rate << 20) * milliseconds / 1000
        let most = Double(Self.most(milliseconds: milliseconds, rate: rate))
        #expect(most >= 0.9 * held && most <= 2.5 * held + 131_072, "\(most) of \(held)")
    }

    @Test func `a way that has become longer counts as such after a while`() {
        var window = StreamWindow()
        let portion = LastingStream.portion
        var now = ContinuousClock.now
        var sent: UInt64 = 0
        // 10 MiB/s: first 2 ms away, then 100 ms.
        for trip in [2.0, 100] {
            for _ in 0..<40 {
                let count = Int(max(1, 10_485_760 * trip / 1000 / Double(portion)))
                for _ in 0..<count {
                    window.handed(upTo: sent + UInt64(portion), at: now)
                    sent += UInt64(portion)
                }
                now += .seconds(trip / 1000)
                window.acknowledged(count * portion, upTo: sent, at: now)
                now += .seconds(0.6)
            }
        }
        #expect(window.admits(portion, beside: StreamWindow.least))
    }

    @Test func `a stream without bytes on their way may always send`() {
        #expect(StreamWindow().admits(1 << 20, beside: 0))
        #expect(!StreamWindow().admits(1 << 20, beside: 1))
    }
}
