// A raw stream that outlives its tunnel: each end keeps what the other has not taken, and goes on
// over the next tunnel at the offset that the other end reports. Flow: its owner gives it one
// tunnel stream after another (`open`, `accept`); who uses it sees one ByteStream.
// Invariant: every byte is delivered once and in order, or the stream ends with an error; what is
// kept is bounded by the stream's window, and by `room`.
public import Loop
public import Net

/// One end of a stream that goes on over one tunnel after another.
@IO public final class LastingStream: ByteStream {
    /// How long a stream waits for its next tunnel.
    public nonisolated static let patience = Duration.seconds(600)
    /// The bytes that are handed to a tunnel ahead of their frames.
    public nonisolated static let portion = 64 << 10
    /// The bytes that a stream may keep whatever others keep, so that it never waits for them: a
    /// portion on its way, and a step of the other end's acknowledgements.
    public nonisolated static let assured = 2 * portion

    /// Which end it is.
    public enum End: Sendable {
        /// Opens it again over the next tunnel.
        case opener
        /// Waits to be opened again.
        case acceptor
    }

    /// Where it is between its begin and its end.
    private enum Phase {
        case live
        /// Both ends are through; the other end may not have everything yet.
        case settling
        /// Given up here; the other end may not know yet.
        case cancelling
        case over
    }

    /// As in `ByteStream`.
    public var onData: (@IO (UnsafeRawBufferPointer) -> Void)? {
        didSet { if isCarried { carrier?.onData = carriedData } }
    }
    /// As in `ByteStream`.
    public var onDrain: (@IO () -> Void)?
    /// As in `ByteStream`; the stream stays open without a handler, too.
    public var onEnd: (@IO () -> Void)? { didSet { reportEnd() } }
    /// As in `ByteStream`.
    public var onClose: (@IO (NetError?) -> Void)?
    /// Called when it waits for a tunnel: the opener's owner opens it again.
    public var onDetach: (@IO () -> Void)?
    /// Called once, when it needs no tunnel any more: its owner forgets it.
    public var onOver: (@IO () -> Void)?

    private let end: End
    private let patience: Duration
    private let room: ByteBudget.Claim
    private var ledger = StreamLedger()
    private var phase = Phase.live
    private var carriage = Carriage()
    private var owesEnd = false

    /// What it is carried by.
    private struct Carriage {
        var stream: TunnelStream?
        /// Whether the other end has accepted it.
        var isAccepted = false
        /// The offset at which sending over it began.
        var start: UInt64 = 0
        var isPaused = false
        /// How many bytes may be on their way over it.
        var window = StreamWindow()
        /// Ends the stream when no tunnel has come in time.
        var timer: LoopTimer?
    }

    private var carrier: TunnelStream? { carriage.stream }
    private var isCarried: Bool { carriage.isAccepted }

    /// A stream without a tunnel; `room` counts the bytes that may have to be sent again.
    public init(
        _ end: End, room: ByteBudget.Claim, patience: Duration = LastingStream.patience
    ) {
        (self.end, self.room, self.patience) = (end, room, patience)
        waitForTunnel()
    }

    /// The bytes of the other end that were delivered here.
    public var received: UInt64 { ledger.received }
    /// The bytes that are kept as they may have to be sent again.
    public var kept: Int { ledger.unacknowledged }
    /// Whether it waits for a tunnel.
    public var isDetached: Bool { carrier == nil }
    /// As in `ByteStream`.
    public var isClosed: Bool { phase == .over || phase == .cancelling }
    /// As in `ByteStream`.
    public var peer: String { carrier?.peer ?? "a tunnel that has ended" }
    /// The bytes that were not handed to a tunnel yet.
    public var unsent: Int { ledger.unsent }
    /// As in `ByteStream`.
    public var unacknowledged: Int { ledger.unacknowledged + ledger.unsent }

    // MARK: Its tunnels

    /// Goes on over a stream that its owner has opened with the offset `received`.
    public func open(over stream: TunnelStream) {
        leave()
        guard phase != .over else { return stream.close() }
        carriage.stream = stream
        stream.onClose = { [weak self, unowned stream] _ in self?.left(stream) }
        stream.onOpen = { [weak self, unowned stream] offset in
            guard let self, carrier === stream else { return }
            if !carry(from: offset) { fail("the other end lacks bytes that are gone here") }
        }
    }

    /// Goes on over a stream that the other end has opened.
    public func accept(_ stream: TunnelStream) -> StreamAnswer {
        guard end == .acceptor, phase == .live || phase == .settling,
            stream !== carrier, ledger.canResume(at: stream.opening.offset)
        else { return .refused }
        leave()
        carriage.stream = stream
        stream.onClose = { [weak self, unowned stream] _ in self?.left(stream) }
        // Before `carry`: what is delivered then has not been received when the answer is made.
        let answer = StreamAnswer.accepted(offset: ledger.received)
        _ = carry(from: stream.opening.offset)
        return answer
    }

    /// Whether a stream that was opened is of the tunnel that carries this one already.
    public func isBeside(_ stream: TunnelStream) -> Bool {
        carrier?.isBeside(stream) ?? false
    }

    private func carry(from offset: UInt64) -> Bool {
        guard phase != .cancelling else {
            withdraw()
            return true
        }
        guard let stream = carrier, ledger.resume(at: offset) else { return false }
        carriage.timer?.cancel()
        (carriage.timer, carriage.isAccepted, carriage.start) = (nil, true, offset)
        carriage.window = StreamWindow()
        phase = .live
        stream.onAcknowledged = { [weak self] in self?.acknowledge() }
        stream.onDrain = { [weak self] in self?.drained() }
        stream.onEnd = { [weak self] in
            guard let self, ledger.receiveEnd() else { return }
            owesEnd = true
            reportEnd()
        }
        if carriage.isPaused { stream.pauseReading() }
        stream.onData = carriedData
        settleRoom()
        drained()
        return true
    }

    private var carriedData: (@IO (UnsafeRawBufferPointer) -> Void)? {
        guard onData != nil else { return nil }
        return { [weak self] in
            guard let self else { return }
            ledger.receive($0.count)
            onData?($0)
        }
    }

    /// Reports the other end's end once, as soon as there is a handler.
    private func reportEnd() {
        guard owesEnd, let onEnd else { return }
        owesEnd = false
        onEnd()
    }

    /// Lets go of the stream that carries it, if there is one, and of what that has not delivered.
    private func leave() {
        guard let stream = carrier else { return }
        (carriage.stream, carriage.isAccepted) = (nil, false)
        stream.onClose = nil
        stream.close()
    }

    private func left(_ stream: TunnelStream) {
        guard carrier === stream else { return }
        (carriage.stream, carriage.isAccepted) = (nil, false)
        switch stream.ending {
        case .tunnelEnded: detach()
        case .orderly where ledger.isWhole:
            phase = .settling
            stream.confirm { [weak self] isThere in
                guard let self, phase == .settling, carrier == nil else { return }
                if isThere { finish(nil) } else { detach() }
            }
        case .orderly, .cancelled:
            finish(.closed(reason: "the other end cancelled the stream"))
        // The other end has forgotten the stream: it had everything, or has been started again.
        case .refused where phase == .settling && ledger.unacknowledged == 0: finish(nil)
        case .refused: finish(.closed(reason: "the other end does not know the stream"))
        }
    }

    private func detach() {
        waitForTunnel()
        onDetach?()
    }

    private func waitForTunnel() {
        carriage.timer?.cancel()
        carriage.timer = LoopTimer(after: patience) { [weak self] in
            self?.fail("no tunnel has come back in time")
        }
    }

    // MARK: Out

    /// As in `ByteStream`.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed else { return }
        ledger.write(bytes)
        advance()
    }

    /// As in `ByteStream`.
    public func endWriting() {
        guard !isClosed else { return }
        ledger.end()
        advance()
    }

    /// As in `endWriting`: the stream ends when both sides have.
    public func finish() { endWriting() }

    /// As in `ByteStream`.
    public func flush() { carrier?.flush() }

    /// Hands bytes over, as far as the tunnel and the room go.
    public func advance() {
        guard isCarried, let stream = carrier, phase == .live else { return }
        while stream.unsent < Self.portion, ledger.unsent > 0 {
            let count = min(ledger.unsent, Self.portion)
            guard carriage.window.admits(count, beside: ledger.inFlight) else { return }
            let kept = max(ledger.unacknowledged, Self.assured)
            let more = ledger.unacknowledged + ledger.growth(by: count) - kept
            guard room.grow(by: more) else { return }
            ledger.hand(count) { stream.write($0) }
            carriage.window.handed(upTo: ledger.handed, at: IO.now)
        }
        guard ledger.owesEnd else { return }
        ledger.handEnd()
        stream.endWriting()
    }

    private func drained() {
        advance()
        if ledger.unsent == 0, !ledger.isOver { onDrain?() }
    }

    private func acknowledge() {
        guard isCarried, let stream = carrier else { return }
        let before = ledger.acknowledged
        ledger.acknowledge(carriage.start + stream.acknowledged)
        carriage.window.acknowledged(
            Int(ledger.acknowledged - before), upTo: ledger.acknowledged, at: IO.now)
        settleRoom()
        advance()
    }

    /// Gives back the room of bytes that the other end has taken.
    private func settleRoom() { room.shrink(to: ledger.unacknowledged - Self.assured) }

    // MARK: In

    /// As in `ByteStream`.
    public func pauseReading() {
        carriage.isPaused = true
        carrier?.pauseReading()
    }

    /// As in `ByteStream`.
    public func resumeReading() {
        carriage.isPaused = false
        carrier?.resumeReading()
    }

    /// Takes what the other end sends, and drops it.
    public func discardInput() { onData = { _ in } }

    // MARK: The end

    /// Gives the stream up; the other end hears of it, over the next tunnel if there is none now.
    public func close(_ error: NetError?) {
        guard !isClosed else { return }
        guard end == .opener, phase == .live else { return finish(error) }
        phase = .cancelling
        room.release()
        report(error)
        if isCarried { withdraw() } else if carrier == nil { onDetach?() }
    }

    /// Resets the stream that carries it, and waits until the other end knows.
    private func withdraw() {
        guard let stream = carrier else { return }
        leave()
        stream.confirm { [weak self] isThere in
            guard let self, phase == .cancelling, carrier == nil else { return }
            if isThere { finish(nil) } else { detach() }
        }
    }

    /// Ends it here, where the other end cannot be reached any more.
    public func end(_ error: NetError?) { finish(error) }

    private func fail(_ reason: String) { finish(.closed(reason: reason)) }

    private func finish(_ error: NetError?) {
        guard phase != .over else { return }
        let isReported = phase == .cancelling
        phase = .over
        carriage.timer?.cancel()
        carriage.timer = nil
        leave()
        room.release()
        if !isReported { report(error) }
        let over = onOver
        (onOver, onDetach) = (nil, nil)
        over?()
    }

    private func report(_ error: NetError?) {
        ledger.forget()
        let closed = onClose
        (onClose, onData, onDrain, onEnd) = (nil, nil, nil, nil)
        closed?(error)
    }
}
