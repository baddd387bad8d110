// One SSH connection: it owns the session and decides what libssh2 does when. One event of its
// carrier (a socket, or a jump host's channel) drives everything: first the session's own operations (open, log in), one at a time, as
// libssh2 keeps their state in the session, then each channel. What is read in one turn of the loop
// is bounded; the rest waits for the link's next turn. Below the agent's Links.
// Invariant: an operation that reported EAGAIN is repeated, unchanged, until it ends or the link does.
internal import CSSH2
public import Loop

/// An authenticated SSH connection that carries channels.
@IO public final class Link: Worker {
    /// What the link was made from.
    public let configuration: LinkConfiguration
    /// The server's version line (`SSH-2.0-OpenSSH_9.2p1 …`).
    public internal(set) var serverVersion = ""
    /// The key the server identified itself with.
    public internal(set) var hostKey: HostKey?
    /// What the server had to say before login; it says so only when it is asked for its methods,
    /// which the first key that is accepted makes needless.
    public internal(set) var banner = ""
    /// The agreed cipher.
    public internal(set) var cipher = ""
    /// Called once when the connection is lost, after its channels have ended.
    public var onEnd: (@IO (SSHError) -> Void)?
    /// Why the link is over; nil while it lives.
    public private(set) var failure: SSHError?

    let session: Session
    let carrier: any Carrier
    private var operations: [Operation] = []
    private var channels: [Channel] = []
    private var driving = false
    private var again = false
    /// What may still be read in this turn.
    private var slice = Slice()
    /// More is to be read, in the link's next turn.
    private var isWaitingForTurn = false
    /// The channel that is read first.
    private var firstChannel = 0
    /// A worker thread has the session.
    private var offLoop = false
    /// Waits for the socket on behalf of work off the loop.
    private var parked: UnsafeContinuation<Void, Never>?
    private var alive: LoopTimer?
    private var pump: LoopTimer?
    /// A session channel that was opened ahead of its use.
    private var spare: OpaquePointer?
    private var isOpeningAhead = false
    /// C channels to free from the next turn on, and those being freed.
    private var givenBack: [OpaquePointer] = []
    private var freeing: [OpaquePointer] = []
    private var leaving: LoopTimer?
    private var lastGivenBack: ContinuousClock.Instant?
    private var silence = 0
    var counts = LinkStatistics(created: 0, lastUsed: 0)
    private var receivedAtTick: UInt64 = 0

    /// A step of the session that is repeated while it reports EAGAIN.
    private struct Operation {
        let step: @IO () -> Int32
        let finish: @IO (Int32) -> Void
    }

    init(_ configuration: LinkConfiguration, _ carrier: any Carrier) throws(SSHError) {
        self.configuration = configuration
        self.carrier = carrier
        session = try Session(carrier.transport)
        carrier.start { [weak self] in self?.ready() }
    }

    isolated deinit { carrier.close() }

    /// Whether channels can be opened.
    public var isOpen: Bool { failure == nil }

    /// Channels that are open.
    public var channelCount: Int { channels.count }

    /// Ends the link at once: its channels end as lost, the server is told.
    public func close() {
        if failure == nil && !offLoop {
            _ = libssh2_session_disconnect_ex(session.raw, 11, "closed by the agent", "")
            session.transport.flush()
        }
        onEnd = nil
        die(.linkLost(reason: "closed by the agent"))
    }

    // MARK: Operations

    /// Repeats `step` until it reports something else than EAGAIN; after the operations before it.
    func perform(_ step: @escaping @IO () -> Int32) async -> Int32 {
        await withUnsafeContinuation { continuation in
            enqueue(step) { continuation.resume(returning: $0) }
        }
    }

    /// The same with a callback.
    func enqueue(_ step: @escaping @IO () -> Int32, finish: @escaping @IO (Int32) -> Void) {
        guard failure == nil else { return finish(LIBSSH2_ERROR_SOCKET_DISCONNECT) }
        operations.append(Operation(step: step, finish: finish))
        drive()
    }

    /// Runs steps that burn CPU on a worker thread; nothing else touches the session meanwhile.
    func performOffLoop(_ step: @escaping @Sendable () -> Int32) async -> Int32 {
        while failure == nil {
            offLoop = true
            session.transport.allowance = .max
            carrier.watch([])
            let code = await Blocking.run(step)
            offLoop = false
            if failure != nil { tearDown() }
            if code != LIBSSH2_ERROR_EAGAIN || failure != nil { return code }
            if session.transport.state != .open || session.goodbye != nil {
                lose()
                break
            }
            await withUnsafeContinuation {
                parked = $0
                carrier.watch(session.transport.unsent > 0 ? [.read, .write] : .read)
            }
        }
        return LIBSSH2_ERROR_SOCKET_DISCONNECT
    }

    func remove(_ channel: Channel) {
        channels.removeAll { $0 === channel }
        counts.lastUsed = Self.clock
    }

    // MARK: C channels

    /// What became of asking for a session channel: the channel, or why there is none.
    struct OpenedSession {
        var channel: Channel?
        var code: Int32 = 0
        var reason = ""
        var wasAhead = false
    }

    /// Opens a session channel, or takes the one that was opened ahead.
    func openSession(_ kind: Channel.Kind) async -> OpenedSession {
        var opened = OpenedSession()
        let answered = timed()
        let window =
            kind == .terminal ? configuration.terminalWindow : configuration.window
        opened.code = await perform { [self] in
            if let spare {
                self.spare = nil
                if kind == .program, libssh2_channel_eof(spare) == 0 {
                    (opened.channel, opened.wasAhead) = (take(spare, kind), true)
                    return 0
                }
                freeing.append(spare)  // the server has closed it, or its window is too large
            }
            return answered {
                if let raw = hl_ssh_open_session(session.raw, window, 32768) {
                    opened.channel = take(raw, kind)
                    return 0
                }
                opened.reason = session.lastError
                return libssh2_session_last_errno(session.raw)
            }
        }
        return opened
    }

    /// Gives a C channel its place, in the same step that opened it: whoever is refused next must
    /// see that the server's places are taken, not that there are none.
    func take(_ raw: OpaquePointer, _ kind: Channel.Kind) -> Channel {
        let channel = Channel(raw, on: self, kind)
        channels.append(channel)
        used()
        return channel
    }

    /// A place that was freed a moment ago may still be counted by the server.
    var mayHavePlaceSoon: Bool {
        !givenBack.isEmpty || !freeing.isEmpty
            || lastGivenBack.map { IO.now - $0 < .milliseconds(300) } ?? false
    }

    /// Whether a channel that was refused may be had later: others are open, or just were.
    public var mayHavePlaceLater: Bool {
        !channels.isEmpty || lastGivenBack.map { IO.now - $0 < .seconds(3) } ?? false
    }

    /// Frees a channel in the next turn, so that what it brought is passed on first.
    func giveBack(_ raw: OpaquePointer, opensAhead: Bool) {
        givenBack.append(raw)
        lastGivenBack = IO.now
        leaving = LoopTimer(after: .zero) { [weak self] in
            guard let self else { return }
            self.freeing += self.givenBack
            self.givenBack = []
            self.lastGivenBack = IO.now
            self.driveAgain()
            if opensAhead { self.openAhead() }
        }
    }

    /// One-shot commands come in series: the next one starts a round trip sooner.
    ///
    /// Only where it is known to do no harm.
    private func openAhead() {
        guard spare == nil, !isOpeningAhead, serverVersion.hasPrefix("SSH-2.0-OpenSSH_") else {
            return
        }
        let (raw, window) = (session.raw, configuration.window)
        var opened: OpaquePointer?
        let answered = timed()
        isOpeningAhead = true
        enqueue({
            answered {
                opened = hl_ssh_open_session(raw, window, 32768)
                return opened == nil ? libssh2_session_last_errno(raw) : 0
            }
        }) { [weak self] code in
            self?.isOpeningAhead = false
            if code == 0 { self?.spare = opened }
        }
    }

    // MARK: Driving

    private func ready() {
        guard let parked else { return drive() }
        self.parked = nil
        parked.resume()
    }

    /// Lets every operation and channel go as far as it can without waiting, and within the link's
    /// slice of this turn.
    func drive() {
        guard !driving, !offLoop, parked == nil, failure == nil else {
            again = true
            return
        }
        driving = true
        let transport = session.transport
        if !isWaitingForTurn {
            slice = Slice()
            transport.allowance = Slice.bytes
        }
        repeat {
            again = false
            let seen = transport.received
            // Not one of the operations: behind those that open channels, it would keep the very
            // places that they wait for.
            freeing.removeAll { libssh2_channel_free($0) != LIBSSH2_ERROR_EAGAIN }
            stepOperations()
            driveChannels()
            if transport.received != seen || transport.allowance <= 0 { again = true }
        } while again && !isSliceOver && failure == nil
        driving = false
        guard failure == nil else { return }
        if transport.state != .open || session.goodbye != nil { return lose() }
        if again, !isWaitingForTurn {
            isWaitingForTurn = true
            IO.loop.workLater(self)
        }
        watch()
    }

    /// The link's next turn.
    public func work() {
        isWaitingForTurn = false
        drive()
    }

    private var isSliceOver: Bool { session.transport.allowance <= 0 || slice.isOver() }

    /// Each channel in turn; once the slice is over the others only send, and are read first the
    /// next time.
    private func driveChannels() {
        let round = channels
        guard !round.isEmpty else { return }
        let first = firstChannel % round.count
        var isOver = isSliceOver
        for number in 0..<round.count where failure == nil {
            let place = (first + number) % round.count
            round[place].drive(reads: !isOver)
            if !isOver, isSliceOver {
                isOver = true
                firstChannel = place + 1
            }
        }
        if isOver { again = true }
    }

    /// Counts bytes that a channel has taken; whether the slice is over.
    func spend(_ bytes: Int) -> Bool {
        slice.spend(bytes)
        return slice.isOver()
    }

    /// Asks for another pass.
    func driveAgain() {
        again = true
        drive()
    }

    private func stepOperations() {
        while let operation = operations.first, failure == nil {
            let code = operation.step()
            guard code != LIBSSH2_ERROR_EAGAIN, failure == nil else { return }
            operations.removeFirst()
            operation.finish(code)
            again = true
        }
    }

    private func watch() {
        let transport = session.transport
        var interest: Readiness.Interest = []
        if transport.unsent > 0 { interest.insert(.write) }
        if operations.isEmpty && channels.isEmpty && freeing.isEmpty {
            // libssh2 reads only on behalf of something; an idle link looks in now and then.
            if transport.mayRead { lookInSoon() } else { interest.insert(.read) }
        } else if transport.unsent < Transport.outputLimit {
            interest.insert(.read)
        }
        carrier.watch(interest)
    }

    // MARK: Life and death

    /// Starts the watch over the server's silence; after login.
    func keepAlive() {
        (counts.created, counts.lastUsed) = (Self.clock, Self.clock)
        alive = LoopTimer(
            after: configuration.aliveInterval, repeating: configuration.aliveInterval
        ) { [weak self] in self?.tick() }
    }

    private func tick() {
        let received = session.transport.received
        if received != receivedAtTick {
            receivedAtTick = received
            silence = 0
            return
        }
        silence += 1
        if silence > 3 {
            let time = configuration.aliveInterval * 3
            return die(.linkLost(reason: "the server has not answered for \(time)"))
        }
        if operations.isEmpty { probe() }
    }

    private func lookInSoon() {
        guard pump == nil else { return }
        pump = LoopTimer(after: .milliseconds(500)) { [weak self] in
            guard let self else { return }
            self.pump = nil
            // Before login no channel may be asked for; there the next operation reads.
            guard self.alive != nil else { return }
            if self.operations.isEmpty && self.channels.isEmpty { self.probe() }
        }
    }

    /// Asks to open a channel of a kind that no server has.
    ///
    /// Its refusal proves that the server lives, and waiting for it makes libssh2 read. The
    /// library's own keepalive wants no answer, or one that stays in its packet list for ever.
    private func probe() {
        let raw = session.raw
        let answered = timed()
        enqueue({
            answered {
                let kind = "alive@homeline"
                let opened = libssh2_channel_open_ex(
                    raw, kind, UInt32(kind.utf8.count), 1 << 16, 1 << 15, nil, 0)
                if opened == nil { return libssh2_session_last_errno(raw) }
                libssh2_channel_free(opened)
                return 0
            }
        }) { [weak self] code in
            if code != 0 && code != LIBSSH2_ERROR_CHANNEL_FAILURE { self?.broke(code) }
        }
    }

    private func lose() {
        let reason = session.goodbye ?? session.transport.failure
        die(.linkLost(reason: reason))
    }

    /// libssh2 reported that the connection cannot go on.
    func broke(_ code: Int32) {
        guard failure == nil else { return }
        if session.goodbye != nil || session.transport.state != .open { return lose() }
        die(.linkLost(reason: session.lastError))
    }

    func die(_ error: SSHError) {
        guard failure == nil else { return }
        failure = error
        alive?.cancel()
        pump?.cancel()
        leaving?.cancel()
        (spare, givenBack, freeing) = (nil, [], [])  // freed with the session
        if !offLoop { session.transport.flush() }
        parked?.resume()
        parked = nil
        if !offLoop { tearDown() }
    }

    private func tearDown() {
        let error = failure ?? .linkLost(reason: "closed")
        // What has been received still belongs to the channels.
        session.transport.drain(error.description)
        for channel in channels { channel.linkEnded(error) }
        channels = []
        carrier.close()
        session.transport.close()
        let abandoned = operations
        operations = []
        for operation in abandoned { operation.finish(LIBSSH2_ERROR_SOCKET_DISCONNECT) }
        onEnd?(error)
        onEnd = nil
    }
}
