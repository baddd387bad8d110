// The watch over a server's silence: it is asked for a sign of life, and a link whose server gives
// none is ended. It also lets an idle link read now and then. Below Link, from login to the end.
// Invariant: at most one question is on its way, and none while an operation waits for an answer.
internal import CSSH2
internal import Loop

/// Whether the server of a link is still there.
@IO final class Liveness {
    /// Intervals of silence that are borne.
    private static let patience = 3
    /// When an idle link with unread bytes looks at them: soon, and not for each of them.
    private static let lookTime = Duration.milliseconds(500)

    private unowned let link: Link
    private let interval: Duration
    private var timer: LoopTimer?
    private var look: LoopTimer?
    private var silence = 0
    private var receivedAtTick: UInt64 = 0

    init(_ link: Link, interval: Duration) {
        self.link = link
        self.interval = interval
        timer = LoopTimer(after: interval, repeating: interval) { [weak self] in self?.tick() }
    }

    private func tick() {
        let received = link.session.transport.received
        if received != receivedAtTick {
            receivedAtTick = received
            silence = 0
            return
        }
        silence += 1
        if silence > Self.patience {
            let time = interval * Self.patience
            return link.die(.linkLost(reason: "the server has not answered for \(time)"))
        }
        if !link.isAsking { probe() }
    }

    /// Lets libssh2 read what has come to a link on which nothing is open.
    func lookInSoon() {
        guard look == nil else { return }
        look = LoopTimer(after: Self.lookTime) { [weak self] in
            guard let self else { return }
            self.look = nil
            if self.link.isIdle { self.probe() }
        }
    }

    /// Asks to open a channel of a kind that no server has.
    ///
    /// Its refusal proves that the server lives, and waiting for it makes libssh2 read. The
    /// library's own keepalive wants no answer, or one that stays in its packet list for ever.
    private func probe() {
        let raw = link.session.raw
        let answered = link.timed()
        link.enqueue({
            answered {
                let kind = "alive@homeline"
                let opened = libssh2_channel_open_ex(
                    raw, kind, UInt32(kind.utf8.count), 1 << 16, 1 << 15, nil, 0)
                if opened == nil { return libssh2_session_last_errno(raw) }
                libssh2_channel_free(opened)
                return 0
            }
        }) { [weak link] code in
            if code != 0 && code != LIBSSH2_ERROR_CHANNEL_FAILURE { link?.broke(code) }
        }
    }
}
