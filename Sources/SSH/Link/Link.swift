// One SSH connection, below the agent's Links: it owns the session and decides what libssh2 does
// when. Its carrier's events drive first the session's own operations (open, log in), one at a
// time, as libssh2 keeps their state in the session, then each channel, within a slice. Invariant:
// an operation that reported EAGAIN is repeated, unchanged, until it ends or the link does.
internal import CSSH2
public import Loop

/// An authenticated SSH connection that carries channels.
@IO public final class Link: Worker {
    /// The configuration that the link was made from; without its credentials once it has logged
    /// in.
    public internal(set) var configuration: LinkConfiguration
    /// The server's version, key, banner and cipher, as far as known.
    public internal(set) var server = ServerIdentity()
    /// Called once when the connection is lost, after its channels have ended.
    public var onEnd: (@IO (SSHError) -> Void)?
    /// Why the link is over; nil while it lives.
    public private(set) var failure: SSHError?

    let session: Session
    let carrier: any Carrier
    private var operations: [Operation] = []
    private var channels: [Channel] = []
    /// Those with a terminal, in the order in which the server was asked to start their programs.
    public private(set) var terminals: [Channel] = []
    /// Ports at the server.
    private var listeners: [RemoteListener] = []
    private var driving = Driving()
    private var exchanges = Exchanges()
    /// The C channels that no Channel owns: one opened ahead, and those being freed.
    private(set) lazy var places = Places(self)
    /// Detects a silent server; nil before login.
    private var liveness: Liveness?
    var counts = LinkStatistics(created: 0, lastUsed: 0)

    /// A step of the session that is repeated while it reports EAGAIN.
    private struct Operation {
        let step: @IO () -> Int32
        let finish: @IO (Int32) -> Void
    }

    /// The state of driving the link.
    private struct Driving {
        var isOn = false
        /// Another pass is needed.
        var again = false
        /// How much may still be read in this turn of the loop.
        var slice = Slice()
        /// The remaining bytes are read in the link's next turn.
        var isWaitingForTurn = false
        /// The channel that is read first.
        var firstChannel = 0
        /// Ends the rest from a slow key exchange.
        var rest: LoopTimer?
    }

    init(_ configuration: LinkConfiguration, _ carrier: any Carrier) throws(SSHError) {
        self.configuration = configuration
        self.carrier = carrier
        session = try Session(carrier.transport)
        carrier.start { [weak self] in self?.drive() }
    }

    isolated deinit { carrier.close() }

    /// Whether channels can be opened.
    public var isOpen: Bool { failure == nil }

    /// Channels that are open, and ports at the server.
    public var channelCount: Int { channels.count + listeners.count }
    /// TCP connections that are open.
    var streamCount: Int { channels.count(where: \.isStream) }

    /// Ends the link at once: the server gets a disconnect message, and the channels end as lost.
    public func close() {
        if failure == nil {
            _ = libssh2_session_disconnect_ex(session.raw, 11, "closed by the agent", "")
            session.transport.flush()
        }
        onEnd = nil
        die(.linkLost(reason: "closed by the agent"))
    }

    // MARK: Operations

    /// Repeats `step` until it returns something other than EAGAIN, after earlier operations.
    func perform(_ step: @escaping @IO () -> Int32) async -> Int32 {
        await withUnsafeContinuation { continuation in
            enqueue(step) { continuation.resume(returning: $0) }
        }
    }

    /// Repeats `step` like `perform`, and passes its result to a callback.
    func enqueue(_ step: @escaping @IO () -> Int32, finish: @escaping @IO (Int32) -> Void) {
        guard failure == nil else { return finish(LIBSSH2_ERROR_SOCKET_DISCONNECT) }
        operations.append(Operation(step: step, finish: finish))
        drive()
    }

    /// The server is asked to start a channel's program.
    func starts(_ channel: Channel) {
        if channel.hasTerminal, !terminals.contains(where: { $0 === channel }) {
            terminals.append(channel)
        }
    }

    func add(_ listener: RemoteListener) { listeners.append(listener) }

    func remove(_ listener: RemoteListener) { listeners.removeAll { $0 === listener } }

    func remove(_ channel: Channel) {
        channels.removeAll { $0 === channel }
        terminals.removeAll { $0 === channel }
        counts.lastUsed = Self.clock
    }

    /// Registers a C channel in the step that opened it: a caller refused next must see that the
    /// server's channels are in use, not that it allows none.
    func take(_ raw: OpaquePointer, _ kind: Channel.Kind) -> Channel {
        let channel = Channel(raw, on: self, kind)
        channels.append(channel)
        used()
        return channel
    }

    /// Whether a refused channel may be available later: others are open, or were until 3 s ago, as
    /// a server may count a closed channel for a moment longer.
    public var mayHavePlaceLater: Bool {
        !channels.isEmpty || places.wereGivenBack(within: .seconds(3))
    }

    /// Whether a refused channel will not be available later either, though others were once: some
    /// servers give a connection one channel in all (tinyssh).
    public var isSpent: Bool { places.wereUsed && !mayHavePlaceLater }

    // MARK: Driving

    /// Lets every operation and channel do all it can without waiting, within the link's slice of
    /// this turn.
    func drive() {
        guard !driving.isOn, failure == nil else {
            driving.again = true
            return
        }
        driving.isOn = true
        let transport = session.transport
        let stopwatch = exchanges.isMeasured ? Stopwatch() : nil
        if !driving.isWaitingForTurn {
            driving.slice = Slice()
            transport.allowance = Slice.bytes
        }
        repeat {
            driving.again = false
            let seen = transport.received
            places.stepFreeing()
            stepOperations()
            for listener in listeners { listener.step() }
            driveChannels()
            if transport.received != seen || transport.allowance <= 0 { driving.again = true }
        } while driving.again && !isSliceOver && failure == nil
        driving.isOn = false
        if let stopwatch { judge(stopwatch.stop()) }
        guard failure == nil else { return }
        if transport.state != .open || session.goodbye != nil { return lose() }
        if driving.again, !driving.isWaitingForTurn {
            driving.isWaitingForTurn = true
            IO.loop.workLater(self)
        }
        watch()
    }

    /// The first key exchange is over.
    func settleKeyExchange() {
        session.preferAgreedKeyExchange(
            among: configuration.algorithms.names(.keyExchange))
        exchanges.settle(session.method(LIBSSH2_METHOD_KEX))
    }

    /// Acts on the time of a pass in which the server may have asked for new keys.
    private func judge(_ time: Duration) {
        guard failure == nil else { return }
        switch exchanges.passed(time, exchanges: session.rekeys) {
        case .goesOn: break
        case .rests:
            session.transport.isResting = true
            driving.rest = LoopTimer(after: exchangeTurns.rest(now: IO.now)) { [weak self] in
                self?.session.transport.isResting = false
                self?.drive()
            }
        case .ends:
            let error = SSHError.exchangeTooSlow(time: time)
            if slowExchangers.count < 4096 { slowExchangers[configuration.address] = error }
            die(error)
        }
    }

    /// The link's next turn.
    public func work() {
        driving.isWaitingForTurn = false
        drive()
    }

    private var isSliceOver: Bool {
        session.transport.allowance <= 0 || driving.slice.isOver()
    }

    /// Drives each channel in turn; once the slice is used up, the remaining channels only send,
    /// and are read first next time.
    private func driveChannels() {
        let round = channels
        guard !round.isEmpty else { return }
        let first = driving.firstChannel % round.count
        var isOver = isSliceOver
        for number in 0..<round.count where failure == nil {
            let place = (first + number) % round.count
            round[place].drive(reads: !isOver)
            if !isOver, isSliceOver {
                isOver = true
                driving.firstChannel = place + 1
            }
        }
        if isOver { driving.again = true }
    }

    /// Counts bytes that a channel has taken; returns whether the slice is used up.
    func spend(_ bytes: Int) -> Bool {
        driving.slice.spend(bytes)
        return driving.slice.isOver()
    }

    /// Asks for another pass.
    func driveAgain() {
        driving.again = true
        drive()
    }

    private func stepOperations() {
        while let operation = operations.first, failure == nil {
            let code = operation.step()
            guard code != LIBSSH2_ERROR_EAGAIN, failure == nil else { return }
            operations.removeFirst()
            operation.finish(code)
            driving.again = true
        }
    }

    private func watch() {
        let transport = session.transport
        var interest: Readiness.Interest = []
        if transport.unsent > 0 { interest.insert(.write) }
        if isIdle && !places.isFreeing {
            // libssh2 reads only as part of an operation, so an idle link reads now and then.
            if transport.mayRead { liveness?.lookInSoon() } else { interest.insert(.read) }
        } else if transport.unsent < Transport.outputLimit {
            interest.insert(.read)
        }
        if transport.isResting { interest.remove(.read) }
        carrier.watch(interest)
    }

    // MARK: Life and death

    /// Starts to detect a silent server; after login.
    func keepAlive() {
        (counts.created, counts.lastUsed) = (Self.clock, Self.clock)
        liveness = Liveness(self, interval: configuration.limits.alive)
    }

    /// Whether nothing is open and no operation is waiting.
    var isIdle: Bool { operations.isEmpty && channels.isEmpty && listeners.isEmpty }

    /// Whether an operation waits for the server: its answer will show that the server is alive.
    var isAsking: Bool { !operations.isEmpty }

    private func lose() {
        let reason = session.goodbye ?? session.transport.failure
        die(.linkLost(reason: reason))
    }

    /// Ends the link, as libssh2 reported that the connection cannot continue.
    func broke(_ code: Int32) {
        guard failure == nil else { return }
        if session.goodbye != nil || session.transport.state != .open { return lose() }
        die(.linkLost(reason: session.lastError))
    }

    func die(_ error: SSHError) {
        guard failure == nil else { return }
        failure = error
        liveness = nil
        driving.rest = nil
        places.end()
        session.transport.flush()
        tearDown()
    }

    private func tearDown() {
        let error = failure ?? .linkLost(reason: "closed")
        // The channels still get what has been received.
        session.transport.drain(error.description)
        for channel in channels { channel.linkEnded(error) }
        for listener in listeners { listener.linkEnded(error) }
        (channels, terminals, listeners) = ([], [], [])
        carrier.close()
        session.transport.close()
        let abandoned = operations
        operations = []
        for operation in abandoned { operation.finish(LIBSSH2_ERROR_SOCKET_DISCONNECT) }
        onEnd?(error)
        onEnd = nil
    }
}

/// The turns of all links.
@IO private var exchangeTurns = ExchangeTurns()

/// The addresses of servers that made a link end by a slow key exchange: they may not choose a
/// group again until the agent starts anew.
@IO var slowExchangers: [String: SSHError] = [:]

/// Measures the passes of links, without those of links that run over them, which come in between.
@IO private struct Stopwatch {
    private static var inner = Duration.zero
    private let outer = Stopwatch.inner
    private let begun = Exchanges.threadTime

    init() { Self.inner = .zero }

    /// The time since the start, on this link alone.
    func stop() -> Duration {
        let time = Exchanges.threadTime - begun
        defer { Self.inner = outer + time }
        return time - Self.inner
    }
}
