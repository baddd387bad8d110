// Checks that the peer is alive: a silent interval sends a ping, two unanswered pings end the
// tunnel.
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
        guard !pulse.heardSinceTick else { return }
        if pulse.pings.count >= 2 {
            return transport.close(.closed(reason: "two pings unanswered"))
        }
        sendPing(nil)
    }
}
