// Durations as messages count them.
import Testing

@testable import MCP

@Suite struct `Durations in messages` {
    @Test(
        arguments: [
            (Duration.zero, 0), (.milliseconds(1500), 1500), (.microseconds(2999), 2),
            (.milliseconds(-1), 0), (.seconds(-5), 0), (.seconds(Int64.min), 0),
        ] as [(Duration, Int64)])
    func `they are whole milliseconds, not below zero`(duration: Duration, count: Int64) {
        #expect(duration.milliseconds == count)
    }

    @Test(arguments: [Int64.max, Int64.max / 1000, Int64.max / 1000 + 1])
    func `a huge one is as long as can be counted`(seconds: Int64) {
        let duration = Duration(
            secondsComponent: seconds, attosecondsComponent: 999_999_999_999_999_999)
        #expect(duration.milliseconds >= Int64.max - 2000)
    }
}
