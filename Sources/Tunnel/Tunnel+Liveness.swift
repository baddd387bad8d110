// Is the peer still there? A silent interval sends a ping, two unanswered ones end the tunnel.
internal import CNGHTTP2
import Loop
import Net

extension Tunnel {
    /// Sends a ping; nil when the tunnel ends before the answer.
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

    /// A silent interval sends a ping; a second silent one after it ends the tunnel.
    func tick() {
        defer { pulse.heardSinceTick = false }
        guard !pulse.heardSinceTick else { return }
        if pulse.pings.count >= 2 {
            return transport.close(.closed(reason: "two pings unanswered"))
        }
        sendPing(nil)
    }
}
