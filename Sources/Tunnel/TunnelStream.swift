// One HTTP/2 stream: a call (POST) or raw bytes (CONNECT). A raw stream is a ByteStream with its
// own back-pressure: the sender gets credit only for bytes that the reader has taken.
internal import CNGHTTP2
public import Loop
public import Net

/// A stream of a tunnel, made by `Tunnel.open` or handed to `Tunnel.onStream`.
@IO public final class TunnelStream: ByteStream {
    /// What a stream carries.
    enum Kind {
        case callOut(Answered?)
        case callIn(Task<Void, Never>?)
        case bytes
    }

    /// What is called once with the end of a call.
    public typealias Answered = @IO (Result<[UInt8], TunnelError>) -> Void

    /// As in `ByteStream`.
    public var onData: (@IO (UnsafeRawBufferPointer) -> Void)? {
        didSet { deliverHeld() }
    }
    /// As in `ByteStream`.
    public var onDrain: (@IO () -> Void)?
    /// As in `ByteStream`.
    public var onClose: (@IO (NetError?) -> Void)?
    /// As in `ByteStream`; the stream stays open without a handler, too.
    public var onEnd: (@IO () -> Void)?
    /// As in `ByteStream`.
    public internal(set) var isClosed = false

    /// Called once on the opener's end, when the other end has accepted the stream, with the bytes
    /// that it has received over earlier tunnels.
    public var onOpen: (@IO (_ offset: UInt64) -> Void)?
    /// Called when the other end has taken more of a raw stream's bytes.
    public var onAcknowledged: (@IO () -> Void)?
    /// How a raw stream has ended, once it has.
    public private(set) var ending = StreamEnding.orderly

    /// What a raw stream was opened with.
    public var opening: StreamHead { head.opening }
    /// How many of a raw stream's bytes the other end has taken, as its credit shows.
    public var acknowledged: UInt64 { out.framed - min(out.framed, tunnel.inFlight(id)) }

    var kind: Kind
    var id: Int32 = 0
    var head = Head()
    /// The collected body of a call.
    var body = Body()

    private unowned let tunnel: Tunnel
    private var out = Out()
    private var reading = Reading()

    /// The headers that are used.
    struct Head {
        var method = ""
        var opening = StreamHead("")
        var status = 0
        /// Whether it is a call that is answered when something happens: nobody waits for it.
        var isStanding = false
        /// The total size of all headers in bytes.
        var bytes = 0
    }

    /// What has arrived of a call.
    struct Body {
        var bytes: [UInt8] = []
        /// What the bytes count against; nil for nothing.
        var claim: ByteBudget.Claim?
    }

    /// What has come of a raw stream, and how far its reader is.
    private struct Reading {
        /// When bytes last came.
        var moved = IO.now
        /// Bytes that the reader has taken, and of which the sender does not know yet.
        var unreported = 0
        /// Whether the reader has paused.
        var isPaused = false
        var bytes: [UInt8] = []
        /// The peer's end came after the bytes.
        var hasEnd = false
        /// The stream is over after the bytes; its tunnel is kept until then.
        var over: Tunnel?
    }

    /// The bytes to send.
    private struct Out {
        /// When bytes last went.
        var moved = IO.now
        var bytes: [UInt8] = []
        /// What the bytes count against until they are in frames; nil for nothing.
        var claim: ByteBudget.Claim?
        /// How many bytes from the beginning are already in frames.
        var taken = 0
        /// How many bytes of the whole stream are already in frames.
        var framed: UInt64 = 0
        /// No more bytes will be added.
        var isOver = false
        /// nghttp2 has found nothing to send and waits to be resumed.
        var isDeferred = false
        /// Why nothing more is sent, not even an end: the stream will be reset.
        var abandoned: TunnelError?
        var unsent: Int { bytes.count - taken }
    }

    init(_ tunnel: Tunnel, _ kind: Kind) {
        self.tunnel = tunnel
        self.kind = kind
    }

    /// As in `ByteStream`.
    public var peer: String { tunnel.peer }

    /// As in `ByteStream`.
    public var unsent: Int { out.unsent }

    /// Whether somebody waits for the peer: for the answer to a call, or at a raw stream through
    /// which bytes go.
    func isAwaited(at now: ContinuousClock.Instant) -> Bool {
        guard case .bytes = kind else { return !head.isStanding }
        return unsent > 0 || now - max(reading.moved, out.moved) < Self.pause
    }

    /// Time without bytes after which a raw stream is idle, as a forwarded terminal mostly is.
    private static let pause = Duration.seconds(10)

    // MARK: Out

    /// As in `ByteStream`.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, !out.isOver else { return }
        out.bytes.append(contentsOf: bytes)
        wake()
    }

    /// As in `ByteStream`.
    public func flush() { tunnel.flushTurn() }

    /// As in `endWriting`: an HTTP/2 stream ends when both sides have.
    public func finish() { endWriting() }

    /// As in `ByteStream`.
    public func endWriting() {
        guard !isClosed, !out.isOver else { return }
        out.isOver = true
        wake()
    }

    func send(body: consuming [UInt8], counted claim: ByteBudget.Claim? = nil) {
        out.bytes = body
        out.claim = claim
        out.isOver = true
        if out.bytes.isEmpty { claim?.release() }
    }

    private func wake() {
        if out.isDeferred {
            out.isDeferred = false
            tunnel.resumeData(of: id)
        }
        tunnel.schedule()
    }

    /// Fills a DATA frame (`nghttp2_data_source_read_callback`).
    func produce(_ space: UnsafeMutableRawBufferPointer) -> (count: Int, last: Bool)? {
        guard !isAbandoned else { return nil }
        let count = min(space.count, unsent)
        if count > 0 {
            out.bytes.withUnsafeBytes { bytes in
                let piece = UnsafeRawBufferPointer(rebasing: bytes[out.taken..<out.taken + count])
                space.copyMemory(from: piece)
            }
            out.moved = IO.now
            out.taken += count
            out.framed += UInt64(count)
            if out.unsent == 0 {
                // A small buffer is kept for the next write; a large one is freed.
                let keeps = !out.isOver && out.bytes.capacity <= 1 << 18
                out.bytes.removeAll(keepingCapacity: keeps)
                out.taken = 0
                out.claim?.release()
            }
        }
        if unsent == 0, out.isOver { return (count, true) }
        if unsent == 0, onDrain != nil { tunnel.drained(self) }
        if count == 0 {
            out.isDeferred = true
            return nil
        }
        return (count, false)
    }

    // MARK: In

    /// Counts bytes that the reader has taken; returns how many the sender is to hear of now, if
    /// they are a step.
    func taken(_ count: Int, step: Int) -> Int? {
        reading.unreported += count
        guard reading.unreported >= step else { return nil }
        defer { reading.unreported = 0 }
        return reading.unreported
    }

    /// Takes a DATA frame; returns how many bytes of credit to give the sender.
    func receive(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Int {
        guard !isClosed, !isAbandoned else { return bytes.count }
        reading.moved = IO.now
        guard case .bytes = kind else {
            body.bytes.append(contentsOf: bytes)
            if body.bytes.count > limit {
                abandon(.tooLarge(limit: limit), NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
            } else if body.claim?.grow(by: bytes.count) == false {
                abandon(.crowded, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
            }
            return bytes.count
        }
        guard !reading.isPaused, reading.bytes.isEmpty, let onData else {
            reading.bytes.append(contentsOf: bytes)  // bounded by the stream's window
            return 0
        }
        onData(bytes)
        return bytes.count
    }

    /// The peer has sent its end.
    func receiveEnd() {
        guard reading.bytes.isEmpty else { return reading.hasEnd = true }
        onEnd?()
    }

    /// As in `ByteStream`.
    public func pauseReading() { reading.isPaused = true }

    /// As in `ByteStream`.
    public func resumeReading() {
        reading.isPaused = false
        deliverHeld()
    }

    private func deliverHeld() {
        guard !reading.isPaused, !reading.bytes.isEmpty, let onData else { return }
        // The reader may close the stream, which may be all that keeps the tunnel.
        let (bytes, tunnel) = (reading.bytes, tunnel)
        reading.bytes = []
        bytes.withUnsafeBytes { onData($0) }
        tunnel.taken(bytes.count, of: self)
        if reading.hasEnd {
            reading.hasEnd = false
            onEnd?()
        }
        if reading.over != nil { ended(nil) }
    }

    // MARK: The end

    /// Calls `body` once the other end has all that this stream has sent so far (true), or when the
    /// tunnel has ended without saying so.
    public func confirm(_ body: @escaping @IO (Bool) -> Void) { tunnel.confirm(body) }

    /// Whether another stream is of the same tunnel.
    func isBeside(_ other: TunnelStream) -> Bool { tunnel === other.tunnel }

    /// The other end has accepted the stream, or not.
    func receiveAnswer() {
        guard case .bytes = kind, !isClosed else { return }
        guard head.status == 200 else {
            ending = .refused
            tunnel.reset(self, NGHTTP2_CANCEL.rawValue)
            return ended(NetError.closed(reason: "the other end refused the stream"))
        }
        let opened = onOpen
        onOpen = nil
        opened?(head.opening.offset)
    }

    /// Resets the stream (RST_STREAM CANCEL); the peer's work for it is cancelled.
    public func close(_ error: NetError?) {
        guard !isClosed else { return }
        ending = .cancelled
        tunnel.reset(self, NGHTTP2_CANCEL.rawValue)
        ended(error)
    }

    /// Gives up a call, which ends with `.cancelled`.
    public func giveUp() {
        guard !isClosed, !isAbandoned else { return }
        abandon(.cancelled, NGHTTP2_CANCEL.rawValue)
    }

    /// Ends a call early, and lets go of its bytes at once: a peer that does not read would keep
    /// them until the tunnel's end.
    func abandon(_ error: TunnelError, _ code: UInt32) {
        out.abandoned = error
        (out.bytes, out.taken) = ([], 0)
        out.claim?.release()
        body.claim?.release()
        body = Body()
        tunnel.reset(self, code)
    }

    /// Whether it was given up, and waits for its end.
    var isAbandoned: Bool { out.abandoned != nil }

    /// The stream of a call that was given up is reset.
    func finishAbandoned() {
        if let error = out.abandoned { finishCall(.failure(error)) }
    }

    func finishCall(_ result: Result<[UInt8], TunnelError>) {
        guard case .callOut(let answered?) = kind else { return }
        kind = .callOut(nil)
        answered(result)
    }

    /// The stream is over (`on_stream_close`, or the tunnel's end).
    func ended(code: UInt32, tunnelReason: String? = nil) {
        finishAbandoned()
        switch kind {
        case .callOut:
            if let tunnelReason {
                finishCall(.failure(.closed(reason: tunnelReason)))
            } else if code == 0, head.status == 200 {
                finishCall(.success(body.bytes))
            } else {
                finishCall(.failure(.reset(code: code)))
            }
        case .callIn(let task): task?.cancel()
        case .bytes: break
        }
        guard !isClosed else { return }
        if let tunnelReason {
            ending = .tunnelEnded
            return ended(NetError.closed(reason: tunnelReason))
        }
        // An orderly end comes after the bytes that its reader has not taken yet.
        if code == 0, !reading.bytes.isEmpty {
            out.isOver = true
            return reading.over = tunnel
        }
        if code != 0 { ending = .cancelled }
        ended(code == 0 ? nil : NetError.closed(reason: "stream cut with code \(code)"))
    }

    private func ended(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        reading = Reading()
        let closed = onClose
        onClose = nil
        onData = nil
        onDrain = nil
        onEnd = nil
        onOpen = nil
        onAcknowledged = nil
        (out.bytes, out.taken) = ([], 0)
        out.claim?.release()
        body = Body()
        closed?(error)
    }
}
