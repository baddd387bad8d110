// The C channels of a link that no Channel owns: one opened ahead of its use, and those given back
// and being freed. A server limits the channels of one connection, so a refused caller checks here
// whether a channel may become free. Below Link.
// Invariant: each C channel is freed once; if the link ends first, by libssh2's session.
internal import CSSH2
internal import Loop

/// The spare and the leaving channels of a link.
@IO final class Places {
    private unowned let link: Link
    /// A session channel that was opened ahead of its use.
    private var spare: OpaquePointer?
    private var isOpeningAhead = false
    /// Channels to be freed from the next turn on, and those being freed.
    private var givenBack: [OpaquePointer] = []
    private var freeing: [OpaquePointer] = []
    private var leaving: LoopTimer?
    private var lastGivenBack: ContinuousClock.Instant?

    init(_ link: Link) { self.link = link }

    /// The outcome of opening a session channel: the channel, or why there is none.
    struct OpenedSession {
        var channel: Channel?
        var code: Int32 = 0
        var reason = ""
        var wasAhead = false
    }

    /// Opens a session channel, or takes the one that was opened ahead.
    func openSession(_ kind: Channel.Kind) async -> OpenedSession {
        var opened = OpenedSession()
        let answered = link.timed()
        let link = link
        let limits = link.configuration.limits
        let window = kind == .terminal ? limits.terminalWindow : limits.window
        opened.code = await link.perform { [self] in
            if let spare {
                self.spare = nil
                if kind == .program, libssh2_channel_eof(spare) == 0 {
                    (opened.channel, opened.wasAhead) = (link.take(spare, kind), true)
                    return 0
                }
                freeing.append(spare)  // the server has closed it, or its window is too large
            }
            return answered {
                if let raw = hl_ssh_open_session(link.session.raw, window, 32768) {
                    opened.channel = link.take(raw, kind)
                    return 0
                }
                opened.reason = link.session.lastError
                return libssh2_session_last_errno(link.session.raw)
            }
        }
        return opened
    }

    /// Whether a channel may become free soon: the server may count one for a moment after it was
    /// freed.
    var mayComeSoon: Bool {
        !givenBack.isEmpty || !freeing.isEmpty || wereGivenBack(within: .milliseconds(300))
    }

    /// Whether a channel was given back within the last `time`.
    func wereGivenBack(within time: Duration) -> Bool {
        lastGivenBack.map { IO.now - $0 < time } ?? false
    }

    /// Whether a channel was ever given back.
    var wereUsed: Bool { lastGivenBack != nil }

    /// Frees a channel in the next turn, so that what it received is passed on first.
    func giveBack(_ raw: OpaquePointer, opensAhead: Bool) {
        givenBack.append(raw)
        lastGivenBack = IO.now
        leaving = LoopTimer(after: .zero) { [weak self, weak link] in
            // Driving it on may end what else holds the link.
            guard let self, let link else { return }
            defer { withExtendedLifetime(link) {} }
            self.freeing += self.givenBack
            self.givenBack = []
            self.lastGivenBack = IO.now
            self.link.driveAgain()
            if opensAhead { self.openAhead() }
        }
    }

    /// Frees a channel that nobody has used.
    func free(_ raw: OpaquePointer) {
        freeing.append(raw)
        link.driveAgain()
    }

    /// Channels are being freed.
    var isFreeing: Bool { !freeing.isEmpty }

    /// Frees what can be freed.
    ///
    /// Not one of the link's operations: queued behind operations that open channels, it would hold
    /// the very channels they wait for.
    func stepFreeing() {
        freeing.removeAll { libssh2_channel_free($0) != LIBSSH2_ERROR_EAGAIN }
    }

    /// The link has ended: the session frees them all.
    func end() {
        leaving?.cancel()
        (spare, givenBack, freeing) = (nil, [], [])
    }

    /// Opens a channel ahead, so that the next one-shot command starts a round trip sooner.
    ///
    /// Only with OpenSSH, where it is known to be harmless.
    private func openAhead() {
        guard spare == nil, !isOpeningAhead, link.server.version.hasPrefix("SSH-2.0-OpenSSH_")
        else { return }
        let (raw, window) = (link.session.raw, link.configuration.limits.window)
        var opened: OpaquePointer?
        let answered = link.timed()
        isOpeningAhead = true
        link.enqueue({
            answered {
                opened = hl_ssh_open_session(raw, window, 32768)
                return opened == nil ? libssh2_session_last_errno(raw) : 0
            }
        }) { [weak self] code in
            self?.isOpeningAhead = false
            if code == 0 { self?.spare = opened }
        }
    }
}
