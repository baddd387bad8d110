// Pings, and the looks at whether the peer is alive: what a look means is Pulse's to judge.
internal import CNGHTTP2
import Loop
import Net

extension Tunnel {
    /// Sends a ping; nil if the tunnel ends before the answer, or if 16 pings are unanswered.
    public func ping() async -> Duration? {
        guard !isClosed, pings.sent.count < 16 else { return nil }
        return await withUnsafeContinuation { sendPing($0) }
    }

    private func sendPing(_ answered: UnsafeContinuation<Duration?, Never>?) {
        pings.sent.append((IO.now, answered))
        nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        schedule()
    }

    /// Calls `body` once the other end has taken in what was framed so far.
    ///
    /// The other end answers a ping that is sent after the frames. False: the tunnel has ended
    /// first. Those who ask while such a ping is on its way share the next one.
    func confirm(_ body: @escaping @IO (Bool) -> Void) {
        pings.confirmations.append(body)
        guard !pings.isConfirming else { return }
        pings.isConfirming = true
        IO.task {
            while !self.pings.confirmations.isEmpty {
                let asked = self.pings.confirmations
                self.pings.confirmations = []
                var answer: Duration?
                if !self.isClosed {
                    answer = await withUnsafeContinuation { self.sendPing($0) }
                }
                for body in asked { body(answer != nil) }
            }
            self.pings.isConfirming = false
        }
    }

    func pong() {
        guard !pings.sent.isEmpty else { return }
        let ping = pings.sent.removeFirst()
        pings.roundTrip = IO.now - ping.at
        ping.answered?.resume(returning: pings.roundTrip)
    }

    /// How much later a look may come: a relay with 10,000 idle agents looks at 70 of them at once.
    private static let lookSlack = Duration.milliseconds(50)

    /// Looks at the peer after `time`.
    func look(after time: Duration) {
        if let timer = pings.timer { return timer.restart(after: time) }
        pings.timer = LoopTimer(after: time, slack: Self.lookSlack) { [unowned self] in look() }
    }

    /// A call has begun: looks at the peer as soon as open calls ask for.
    ///
    /// Calls that follow one another share one look.
    func lookSoon() {
        guard !pings.isSoon else { return }
        look()
    }

    private func look() {
        guard !isClosed else { return }
        let (now, waiting) = (IO.now, transport.unacknowledged)
        let sight = Pulse.Sight(
            heard: pings.heard, unacknowledged: waiting,
            acknowledged: traffic.sent - min(traffic.sent, UInt64(waiting)),
            hasCalls: streams.values.contains { $0.isAwaited(at: now) })
        pings.isSoon = sight.isAwaited
        switch pings.pulse.look(sight, at: now) {
        case .rest(let time): look(after: time)
        case .ping(let time):
            sendPing(nil)
            look(after: time)
        case .dead(let reason): transport.close(.closed(reason: reason))
        }
    }
}
