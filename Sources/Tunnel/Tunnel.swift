// A tunnel: HTTP/2 (nghttp2) over any ByteStream, whichever end dialled. One end calls (the relay),
// the other answers (the agent); both may carry raw streams. It carries opaque bytes and does not
// interpret them. Invariant: every call ends, by a reply, a reset or the tunnel's end.
internal import CNGHTTP2
public import Loop
public import Net

/// One end of a tunnel.
@IO public final class Tunnel: Flushable {
    /// Which end this is.
    public enum Role: Sendable {
        /// Makes calls and opens streams: HTTP/2's client.
        case caller
        /// Answers them: HTTP/2's server.
        case responder
    }

    /// Answers a call.
    ///
    /// Its task is cancelled when the caller gives up, and when the tunnel has ended: `isClosed`
    /// tells the two apart.
    public var onCall: (@IO @Sendable ([UInt8]) async -> [UInt8])?
    /// Answers a raw stream that the caller opened; if nil, such streams are refused.
    public var onStream: (@IO (TunnelStream) -> StreamAnswer)?
    /// Called once, when the tunnel ends, with the reason.
    public var onClose: (@IO (String) -> Void)?
    /// Called when the peer announces that it takes no new calls (GOAWAY).
    public var onDrain: (@IO () -> Void)?

    /// The sizes and times in force; windows and times are read only at the start.
    public var limits: TunnelLimits
    /// The peer's address.
    public var peer: String { transport.peer }
    /// Whether the tunnel has ended.
    public private(set) var isClosed = false
    /// The time the last answered ping took.
    public var roundTrip: Duration? { pings.roundTrip }
    /// Bytes of HTTP/2 received.
    public var bytesReceived: UInt64 { traffic.received }
    /// Bytes of HTTP/2 sent.
    public var bytesSent: UInt64 { traffic.sent }
    /// Calls and streams that are open now, without standing calls.
    public var openStreams: Int { streams.values.count { !$0.head.isStanding } }

    let transport: any ByteStream
    var session: OpaquePointer?
    var streams: [Int32: TunnelStream] = [:]
    var sending: Sending
    var traffic = Traffic()
    var pings: Pings
    var inSession = 0
    var draining = false
    /// Bytes received in the tunnel's first turn, held until its owner has set the handlers.
    var early: [UInt8]? = []

    /// The state of this turn's frames.
    struct Sending {
        /// Frames will be made at the end of the turn.
        var isScheduled = false
        /// More frames were ready than may be unsent.
        var isCapped = false
        /// Streams whose producers will be asked for more bytes.
        var drained: [TunnelStream] = []
        var resets: Resets

        init(_ limits: TunnelLimits) { resets = Resets(limits) }
    }

    /// Bytes of HTTP/2 in each direction so far.
    struct Traffic {
        var received: UInt64 = 0
        var sent: UInt64 = 0
    }

    /// The pings that are not answered yet, and when the peer is looked at next.
    struct Pings {
        var pulse: Pulse
        var timer: LoopTimer?
        /// Whether the next look is as soon as open calls ask for.
        var isSoon = false
        var roundTrip: Duration?
        /// When bytes were last received.
        var heard = IO.now
        var sent: [(at: ContinuousClock.Instant, answered: UnsafeContinuation<Duration?, Never>?)] =
            []
        /// What waits for the answer to a ping that is still to be sent.
        var confirmations: [@IO (Bool) -> Void] = []
        /// Whether a ping for earlier ones is on its way.
        var isConfirming = false

        init(_ limits: TunnelLimits, _ role: Role) {
            pulse = Pulse(idle: limits.idleTimes(role), awaited: limits.awaited, at: IO.now)
        }
    }

    /// Starts the tunnel over a connected stream, whose callbacks it takes over.
    public init(over transport: any ByteStream, role: Role, limits: TunnelLimits) {
        self.transport = transport
        self.limits = limits
        sending = Sending(limits)
        pings = Pings(limits, role)
        session = makeSession(role)
        transport.limitUnsentInKernel(bytes: limits.unsentInKernelBytes)
        // Strong references until the transport ends: the transport keeps its tunnel alive.
        transport.onClose = { [self] in end($0?.description ?? "closed by the other end") }
        transport.onDrain = { [self] in if sending.isCapped { schedule() } }
        transport.onData = { [self] in receive($0) }
        look(after: limits.idleTimes(role).quiet)
        schedule()
        if transport.isClosed { end("closed by the other end") }
    }

    func makeSession(_ role: Role) -> OpaquePointer? {
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_max_deflate_dynamic_table_size(options, 4096)
        nghttp2_option_set_no_closed_streams(options, 1)
        defer { nghttp2_option_del(options) }
        let me = Unmanaged.passUnretained(self).toOpaque()
        var session: OpaquePointer?
        hl_http2_session(
            &session, role == .caller ? 1 : 0, Callbacks.table, me, options)
        var settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: limits.concurrentStreams),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: limits.streamWindow),
        ]
        if role == .caller {
            settings.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
        }
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        nghttp2_submit_settings(session, none, settings, settings.count)
        nghttp2_session_set_local_window_size(session, none, 0, limits.tunnelWindow)
        return session
    }

    // MARK: Calls and streams out

    /// Sends one request and waits for its reply.
    ///
    /// Cancelling the task resets the stream; the call returns when that is done or the reply has
    /// come, which takes a while after many resets. `sent` is released once the request's bytes are
    /// in frames, or the call has ended; `received` grows with the reply, and is the caller's to
    /// release.
    public func call(
        _ body: consuming [UInt8], sent: ByteBudget.Claim? = nil, received: ByteBudget.Claim? = nil
    ) async throws(TunnelError) -> [UInt8] {
        defer { sent?.release() }
        let stream = try request(consume body, sent: sent, received: received)
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                stream.kind = .callOut { continuation.resume(returning: $0) }
                submit(stream, Self.callHeaders)
            }
        } onCancel: {
            // The stream does not keep its tunnel.
            IO.task { withExtendedLifetime(self) { stream.giveUp() } }
        }
        return try result.get()
    }

    /// Sends a standing call, which is answered when something happens, perhaps never; its stream
    /// can be given up.
    ///
    /// Neither end waits for it, so it neither hastens the pings nor holds up a drain, which ends
    /// it. No task waits either: a relay keeps one such call open at each of its agents, and a
    /// waiting task has some 6 KiB. `answered` is called once; it must not block.
    public func stand(
        _ body: consuming [UInt8], received: ByteBudget.Claim? = nil,
        _ answered: @escaping TunnelStream.Answered
    ) throws(TunnelError) -> TunnelStream {
        let stream = try request(consume body, sent: nil, received: received)
        stream.head.isStanding = true
        stream.kind = .callOut(answered)
        submit(stream, Self.standingHeaders)
        return stream
    }

    private func request(
        _ body: consuming [UInt8], sent: ByteBudget.Claim?, received: ByteBudget.Claim?
    ) throws(TunnelError) -> TunnelStream {
        try checkRoom()
        guard body.count <= limits.bodyBytes else { throw .tooLarge(limit: limits.bodyBytes) }
        let stream = TunnelStream(self, .callOut(nil))
        stream.send(body: consume body, counted: sent)
        stream.body.claim = received
        return stream
    }

    /// Throws if a further call or stream cannot begin.
    private func checkRoom() throws(TunnelError) {
        guard !isClosed else { throw .closed(reason: "before it began") }
        guard !draining else { throw .draining }
        guard streams.count < limits.waitingCalls else { throw .busy }
    }

    /// Opens a raw stream (CONNECT, RFC 9113 §8.5).
    public func open(_ head: StreamHead) throws(TunnelError) -> TunnelStream {
        try checkRoom()
        let stream = TunnelStream(self, .bytes)
        stream.head.opening = head
        head.withHeaders { submit(stream, $0) }
        return stream
    }

    static let callHeaders = [
        header(":method", "POST"), header(":scheme", "https"), header(":authority", "agent"),
        header(":path", "/rpc"),
    ]
    static let standingHeaders = [
        header(":method", "POST"), header(":scheme", "https"), header(":authority", "agent"),
        header(":path", "/standing"),
    ]
    static let okHeaders = [header(":status", "200")]
    static let refusedHeaders = [header(":status", "404")]

    func submit(_ stream: TunnelStream, _ headers: [nghttp2_nv]) {
        var source = provider(of: stream)
        let context = Unmanaged.passUnretained(stream).toOpaque()
        let id = nghttp2_submit_request(session, nil, headers, headers.count, &source, context)
        guard id > 0 else {
            // The stream ids (2³¹) are used up: the agent redials.
            stream.ended(code: 0, tunnelReason: "no more stream ids")
            return close()
        }
        stream.id = id
        streams[id] = stream
        CrashPoint.reach("tunnel.submitted")
        if !stream.head.isStanding { lookSoon() }
        schedule()
    }

    func provider(of stream: TunnelStream) -> nghttp2_data_provider {
        var source = nghttp2_data_provider()
        source.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        source.read_callback = Callbacks.produce
        return source
    }

    /// The bytes of a stream that the peer has not taken yet.
    func inFlight(_ id: Int32) -> UInt64 {
        guard !isClosed, session != nil else { return .max }
        let window = nghttp2_session_get_stream_remote_window_size(session, id)
        guard window >= 0 else { return .max }
        let whole = nghttp2_session_get_remote_settings(
            session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE)
        return UInt64(max(0, Int(whole) - Int(window)))
    }

    func resumeData(of id: Int32) {
        if !isClosed { nghttp2_session_resume_data(session, id) }
    }

    /// The stream's queue became empty inside nghttp2: its producer is called when nghttp2 is done.
    func drained(_ stream: TunnelStream) { sending.drained.append(stream) }

    // MARK: The end

    /// Takes no new calls, lets those in flight end, then closes (GOAWAY, RFC 9113 §6.8).
    public func drain() {
        guard !isClosed, !draining else { return }
        draining = true
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue),
            nghttp2_session_get_last_proc_stream_id(session), 0, nil, 0)
        endStandingCalls()
        schedule()
    }

    /// Ends the calls that would hold up a drain.
    func endStandingCalls() {
        for stream in streams.values where stream.head.isStanding {
            stream.abandon(.draining, NGHTTP2_CANCEL.rawValue)
        }
    }

    /// Ends the tunnel now: every waiting call fails, every answer's task is cancelled.
    public func close() { transport.close(nil) }

    func end(_ reason: String) {
        guard !isClosed else { return }
        isClosed = true
        pings.timer?.cancel()
        pings.timer = nil
        for (_, stream) in streams { stream.ended(code: 0, tunnelReason: reason) }
        streams = [:]
        sending.drained = []
        sending.resets.waiting = [:]
        sending.resets.timer?.cancel()
        sending.resets.timer = nil
        let waiting = pings.sent
        pings.sent = []
        for ping in waiting { ping.answered?.resume(returning: nil) }
        if inSession == 0 { free() }
        let closed = onClose
        onClose = nil
        onCall = nil
        onStream = nil
        onDrain = nil
        closed?(reason)
    }

    /// nghttp2 may not be freed inside its own callbacks.
    func free() {
        nghttp2_session_del(session)
        session = nil
    }
}
