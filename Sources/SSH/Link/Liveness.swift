// Detects a silent server: asks it for a sign of life, and ends the link if there is none. It also
// lets an idle link read now and then. Below Link, from login to the end.
// Invariant: at most one question is unanswered, and none is asked while an operation waits for an
// answer.
internal import CSSH2
internal import Loop

/// Watches whether the server of a link still answers.
@IO final class Liveness {
    /// Intervals of silence after the first question before the link is ended: one lost answer must
    /// not end it (OpenSSH's ServerAliveCountMax is 3 too).
    private static let patience = 3
    /// The delay before an idle link reads: short, yet long enough to read several packets at once.
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

    /// Lets libssh2 read what was received on a link on which nothing is open.
    func lookInSoon() {
        guard look == nil else { return }
        look = LoopTimer(after: Self.lookTime) { [weak self] in
            guard let self else { return }
            self.look = nil
            if self.link.isIdle { self.probe() }
        }
    }

    /// Asks to open a channel of a type that no server supports.
    ///
    /// Its refusal proves that the server is alive, and waiting for it makes libssh2 read. The
    /// library's own keepalive asks for no answer, or for one that stays in its packet list
    /// forever. ProFTPD hangs up on a type that it does not know: there it is a session, which is
    /// closed again.
    private func probe() {
        let raw = link.session.raw
        let answered = link.timed()
        let kind = link.server.version.contains("mod_sftp") ? "session" : "alive@homeline"
        link.enqueue({ [weak link] in
            answered {
                let opened = libssh2_channel_open_ex(
                    raw, kind, UInt32(kind.utf8.count), 1 << 16, 1 << 15, nil, 0)
                guard let opened else { return libssh2_session_last_errno(raw) }
                link?.places.free(opened)
                return 0
            }
        }) { [weak link] code in
            if code != 0 && code != LIBSSH2_ERROR_CHANNEL_FAILURE { link?.broke(code) }
        }
    }
}
