// Checks that the peer is alive: a silent interval sends a ping, two unanswered pings end the
// tunnel; so do two intervals in which the peer takes none of the bytes that wait for it, whatever
// it sends meanwhile.
internal import CNGHTTP2
import Loop
import Net

extension Tunnel {
    /// Sends a ping; nil if the tunnel ends before the answer, or if 16 pings are unanswered.
    public func ping() async -> Duration? {
        guard !isClosed, pulse.pings.count < 16 else { return nil }
        return await withUnsafeContinuation { sendPing($0) }
    }

    func sendPing(_ answered: UnsafeContinuation<Duration?, Never>?) {
        pulse.pings.append((IO.now, answered))
        nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        schedule()
    }

    func pong() {
        guard !pulse.pings.isEmpty else { return }
        let ping = pulse.pings.removeFirst()
        pulse.roundTrip = IO.now - ping.sent
        ping.answered?.resume(returning: pulse.roundTrip)
    }

    /// Sends a ping after a silent interval; ends the tunnel if two pings are unanswered by then.
    func tick() {
        defer { pulse.heardSinceTick = false }
        if pulse.stall.lasts(sent: traffic.sent, unsent: transport.unsent) {
            return transport.close(.closed(reason: "the other end takes no bytes"))
        }
        guard !pulse.heardSinceTick else { return }
        if pulse.pings.count >= 2 {
            return transport.close(.closed(reason: "two pings unanswered"))
        }
        sendPing(nil)
    }
}

/// For how many intervals the peer has taken nothing of what waits for it: a value without a clock.
struct Stall {
    private var intervals = 0
    private var last = (sent: UInt64(0), unsent: 0)

    /// Notes what was sent so far and what of it waits, once per interval; true after two intervals
    /// in which neither changed while bytes waited.
    mutating func lasts(sent: UInt64, unsent: Int) -> Bool {
        let isStill = unsent > 0 && last == (sent, unsent)
        intervals = isStill ? intervals + 1 : 0
        last = (sent, unsent)
        return intervals >= 2
    }
}
