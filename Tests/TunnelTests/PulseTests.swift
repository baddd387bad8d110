// When a silent peer counts as dead: tables of looks, without a clock.
import Loop
import Support
import Testing

@testable import Tunnel

@Suite struct PulseTests {
    /// A peer as it is seen at a time, in milliseconds since the start.
    struct Look {
        var at: Int
        var heard: Int
        var unacknowledged = 0
        var acknowledged = 0
        var hasCalls = false
    }

    static let idle = Pulse.Times(quiet: .seconds(15), limit: .seconds(33))
    static let awaited = Pulse.Times(quiet: .seconds(2), limit: .milliseconds(4500))

    /// The steps after these looks.
    private func steps(_ looks: [Look]) -> [Pulse.Step] {
        let start = ContinuousClock.now
        func time(_ milliseconds: Int) -> ContinuousClock.Instant {
            start + .milliseconds(milliseconds)
        }
        var pulse = Pulse(idle: Self.idle, awaited: Self.awaited, at: start)
        return looks.map {
            pulse.look(
                Pulse.Sight(
                    heard: time($0.heard), unacknowledged: $0.unacknowledged,
                    acknowledged: UInt64($0.acknowledged), hasCalls: $0.hasCalls),
                at: time($0.at))
        }
    }

    private func seconds(_ count: Double) -> Duration { .milliseconds(Int(count * 1000)) }

    @Test func `a peer for which nothing waits is asked after 15 s and dead after 33 s`() {
        let silent = "the other end has been silent for 33 s"
        #expect(
            steps([
                Look(at: 15000, heard: 0), Look(at: 31000, heard: 0, unacknowledged: 40),
                Look(at: 33000, heard: 0),
            ]) == [.ping(seconds(16)), .rest(seconds(2)), .dead(reason: silent)])
        // It says something now and then, or answers: one look for each ping.
        #expect(
            steps([
                Look(at: 15000, heard: 9000), Look(at: 24000, heard: 9000),
                Look(at: 40000, heard: 24010),
            ]) == [.rest(seconds(9)), .ping(seconds(16)), .ping(seconds(16))])
    }

    @Test func `a peer that is called is asked after 2 s and dead after 4.5 s`() {
        let silent = "the other end has been silent for 4 s"
        // Its NAT has forgotten the connection: nobody acknowledges the call.
        let call = Look(at: 9000, heard: 0, hasCalls: true)
        #expect(
            steps([
                call, Look(at: 11000, heard: 0, unacknowledged: 90, hasCalls: true),
                Look(at: 13500, heard: 0, unacknowledged: 130, hasCalls: true),
            ]) == [.rest(seconds(2)), .ping(seconds(2.5)), .dead(reason: silent)])
        // Over TLS, what waits grows by more than what was sent.
        #expect(
            steps([
                Look(at: 9000, heard: 0, acknowledged: 500, hasCalls: true),
                Look(at: 11000, heard: 0, unacknowledged: 112, acknowledged: 478, hasCalls: true),
                Look(at: 13500, heard: 0, unacknowledged: 151, acknowledged: 456, hasCalls: true),
            ]) == [.rest(seconds(2)), .ping(seconds(2.5)), .dead(reason: silent)])
        // Its program is stopped: its system still takes the call and the ping.
        #expect(
            steps([
                call, Look(at: 11000, heard: 0, acknowledged: 90, hasCalls: true),
                Look(at: 13500, heard: 0, acknowledged: 130, hasCalls: true),
            ]) == [.rest(seconds(2)), .ping(seconds(2.5)), .dead(reason: silent)])
        // It answers pings while the call lasts.
        #expect(
            steps([
                call, Look(at: 11000, heard: 0, hasCalls: true),
                Look(at: 13500, heard: 11001, hasCalls: true),
            ]) == [.rest(seconds(2)), .ping(seconds(2.5)), .ping(seconds(2.5))])
    }

    @Test func `a slow link that takes bytes is alive`() {
        let looks = (0..<20).map {
            Look(
                at: 2000 * $0, heard: 0, unacknowledged: 1_000_000 - 50_000 * $0,
                acknowledged: 50_000 * $0, hasCalls: true)
        }
        #expect(steps(looks).allSatisfy { $0 == .rest(seconds(2)) })
    }

    @Test func `a peer that sends and takes nothing is dead after 33 s`() {
        let looks = [0, 2, 12, 22, 32, 36].map {
            Look(at: 1000 * $0, heard: 1000 * $0, unacknowledged: 70, hasCalls: true)
        }
        // Looks that come late prove nothing.
        #expect(!steps(looks).contains(.dead(reason: "the other end takes no bytes")))
        let timely = (0..<20).map {
            Look(at: 2000 * $0, heard: 2000 * $0, unacknowledged: 70, hasCalls: true)
        }
        #expect(steps(timely).firstIndex(of: .dead(reason: "the other end takes no bytes")) == 17)
    }

    @Test func `a look that comes late proves nothing`() {
        let call = Look(at: 0, heard: 0, hasCalls: true)
        #expect(
            steps([call, Look(at: 60000, heard: 0, hasCalls: true)])
                == [.rest(seconds(2)), .rest(seconds(2))])
    }
}
