// A tunnel: HTTP/2 (nghttp2) over any ByteStream, whoever dialled it. One end calls (the relay),
// the other answers (the agent); both may carry raw streams. It carries opaque bytes and knows no
// message. Invariant: every call made ends, by a reply, a reset or the tunnel's end.
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
    /// Its task is cancelled when the caller gives up.
    public var onCall: (@IO @Sendable ([UInt8]) async -> [UInt8])?
    /// Takes a raw stream the caller opened, by its `authority`; absent, streams are refused.
    public var onStream: (@IO (TunnelStream) -> Void)?
    /// The tunnel's end, once.
    public var onClose: (@IO (String) -> Void)?
    /// The peer announced that it takes no new calls (GOAWAY).
    public var onDrain: (@IO () -> Void)?

    /// The sizes and times in force.
    public let limits: TunnelLimits
    /// The peer's address.
    public let peer: String
    /// Whether the tunnel has ended.
    public private(set) var isClosed = false
    /// The time the last answered ping took.
    public private(set) var roundTrip: Duration?
    /// Calls and streams that are open now.
    public var openStreams: Int { streams.count }

    let transport: any ByteStream
    private let role: Role
    private var session: OpaquePointer?
    private var streams: [Int32: TunnelStream] = [:]
    private var drainedStreams: [TunnelStream] = []
    private var scheduled = false
    private var capped = false
    private var inSession = 0
    private var draining = false
    private var pings:
        [(sent: ContinuousClock.Instant, answered: UnsafeContinuation<Duration?, Never>?)] = []
    private var liveness: LoopTimer?
    private var heardSinceTick = true

    /// Starts the tunnel over a connected stream, whose callbacks it takes over.
    public init(over transport: any ByteStream, role: Role, limits: TunnelLimits = TunnelLimits()) {
        self.transport = transport
        self.role = role
        self.limits = limits
        peer = transport.peer
        session = makeSession()
        let socket = (transport as? TLSStream)?.socket ?? transport as? SocketStream
        socket?.limitUnsentInKernel(bytes: limits.unsentInKernelBytes)
        // Strong until the transport ends: it keeps its tunnel alive.
        transport.onClose = { [self] in end($0?.description ?? "closed by the other end") }
        transport.onDrain = { [self] in if capped { schedule() } }
        transport.onData = { [self] in receive($0) }
        liveness = LoopTimer(after: limits.pingInterval, repeating: limits.pingInterval) {
            [weak self] in self?.tick()
        }
        schedule()
        if transport.isClosed { end("closed by the other end") }
    }

    private func makeSession() -> OpaquePointer? {
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_max_deflate_dynamic_table_size(options, 4096)
        nghttp2_option_set_no_closed_streams(options, 1)
        defer { nghttp2_option_del(options) }
        let me = Unmanaged.passUnretained(self).toOpaque()
        var session: OpaquePointer?
        switch role {
        case .caller: nghttp2_session_client_new2(&session, Callbacks.table, me, options)
        case .responder: nghttp2_session_server_new2(&session, Callbacks.table, me, options)
        }
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
    /// Cancelling the task resets the stream.
    public func call(_ body: [UInt8]) async throws(TunnelError) -> [UInt8] {
        guard !isClosed else { throw .closed(reason: "before the call") }
        guard !draining else { throw .draining }
        guard streams.count < limits.waitingCalls else { throw .busy }
        guard body.count <= limits.bodyBytes else { throw .tooLarge(limit: limits.bodyBytes) }
        let stream = TunnelStream(self, .callOut(nil))
        stream.send(body: body)
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                stream.kind = .callOut(continuation)
                submit(stream, Self.callHeaders)
            }
        } onCancel: {
            IO.task { self.cancel(stream) }
        }
        return try result.get()
    }

    /// Opens a raw stream to what `authority` names at the peer (CONNECT, RFC 9113 §8.5).
    public func open(_ authority: String) throws(TunnelError) -> TunnelStream {
        guard !isClosed else { throw .closed(reason: "before the stream") }
        guard !draining else { throw .draining }
        guard streams.count < limits.waitingCalls else { throw .busy }
        let stream = TunnelStream(self, .bytes)
        stream.authority = authority
        var name = authority
        name.withUTF8 { bytes in
            let named = nghttp2_nv(
                name: UnsafeMutablePointer(mutating: Self.authorityName.utf8Start),
                value: UnsafeMutablePointer(mutating: bytes.baseAddress),
                namelen: Self.authorityName.utf8CodeUnitCount, valuelen: bytes.count,
                flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue))
            submit(stream, [header(":method", "CONNECT"), named])
        }
        return stream
    }

    private static let authorityName: StaticString = ":authority"
    private static let callHeaders = [
        header(":method", "POST"), header(":scheme", "https"), header(":authority", "agent"),
        header(":path", "/rpc"),
    ]
    private static let okHeaders = [header(":status", "200")]
    private static let refusedHeaders = [header(":status", "404")]

    private func submit(_ stream: TunnelStream, _ headers: [nghttp2_nv]) {
        var source = provider(of: stream)
        let context = Unmanaged.passUnretained(stream).toOpaque()
        let id = nghttp2_submit_request(session, nil, headers, headers.count, &source, context)
        guard id > 0 else {
            // Ids are used up (2^31): the agent redials.
            stream.ended(code: 0, tunnelReason: "no more stream ids")
            return close()
        }
        stream.id = id
        streams[id] = stream
        schedule()
    }

    private func provider(of stream: TunnelStream) -> nghttp2_data_provider {
        var source = nghttp2_data_provider()
        source.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        source.read_callback = Callbacks.produce
        return source
    }

    private func cancel(_ stream: TunnelStream) {
        guard !stream.isClosed else { return }
        stream.finishCall(.failure(.cancelled))
        reset(stream, NGHTTP2_CANCEL.rawValue)
    }

    func reset(_ stream: TunnelStream, _ code: UInt32) {
        guard !isClosed, stream.id != 0 else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code)
        schedule()
    }

    func resumeData(of id: Int32) {
        if !isClosed { nghttp2_session_resume_data(session, id) }
    }

    func consumed(_ count: Int, of stream: TunnelStream) {
        guard !isClosed else { return }
        nghttp2_session_consume(session, stream.id, count)
        schedule()
    }

    /// The stream's queue ran dry inside nghttp2: tell its producer when nghttp2 is done.
    func drained(_ stream: TunnelStream) { drainedStreams.append(stream) }

    // MARK: Calls and streams in

    func beginHeaders(_ frame: UnsafePointer<nghttp2_frame>) {
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return }
        let stream = TunnelStream(self, .bytes)
        stream.id = frame.pointee.hd.stream_id
        streams[stream.id] = stream
    }

    func receiveHeader(
        _ frame: UnsafePointer<nghttp2_frame>, _ name: UnsafeBufferPointer<UInt8>,
        _ value: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard let stream = streams[frame.pointee.hd.stream_id] else { return true }
        stream.headerBytes += name.count + value.count
        guard stream.headerBytes <= limits.headerBytes else { return false }
        guard name.count > 1, name[0] == UInt8(ascii: ":") else { return true }
        switch name[1] {
        case UInt8(ascii: "m"): stream.method = String(decoding: value, as: UTF8.self)
        case UInt8(ascii: "a"): stream.authority = String(decoding: value, as: UTF8.self)
        case UInt8(ascii: "s") where name.count == 7:
            stream.status = value.reduce(0) { $0 &* 10 &+ Int($1) &- 48 }
        default: break
        }
        return true
    }

    func data(_ id: Int32, _ bytes: UnsafeRawBufferPointer) {
        let count = streams[id]?.receive(bytes, limit: limits.bodyBytes) ?? bytes.count
        if !isClosed, count > 0 { nghttp2_session_consume(session, id, count) }
    }

    func frame(_ frame: UnsafePointer<nghttp2_frame>) {
        let type = UInt32(frame.pointee.hd.type)
        let flags = UInt32(frame.pointee.hd.flags)
        switch type {
        case NGHTTP2_PING.rawValue where flags & NGHTTP2_FLAG_ACK.rawValue != 0: return pong()
        case NGHTTP2_GOAWAY.rawValue:
            draining = true
            onDrain?()
            return
        default: break
        }
        guard let stream = streams[frame.pointee.hd.stream_id] else { return }
        let ended = flags & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        if type == NGHTTP2_HEADERS.rawValue, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
            if stream.method == "POST" { stream.kind = .callIn(nil) } else { accept(stream) }
        }
        guard ended else { return }
        if case .callIn = stream.kind { answer(stream) } else { stream.onEnd?() }
    }

    private func answer(_ stream: TunnelStream) {
        guard let onCall else { return reset(stream, NGHTTP2_REFUSED_STREAM.rawValue) }
        let body = stream.body
        stream.body = []
        stream.kind = .callIn(
            IO.task {
                let reply = await onCall(body)
                guard !stream.isClosed, !self.isClosed else { return }
                stream.kind = .callIn(nil)
                stream.send(body: reply)
                self.respond(to: stream, Self.okHeaders)
            })
    }

    private func accept(_ stream: TunnelStream) {
        guard stream.method == "CONNECT", let onStream else {
            stream.finish()
            return respond(to: stream, Self.refusedHeaders)
        }
        respond(to: stream, Self.okHeaders)
        onStream(stream)
    }

    private func respond(to stream: TunnelStream, _ headers: [nghttp2_nv]) {
        var source = provider(of: stream)
        nghttp2_submit_response(session, stream.id, headers, headers.count, &source)
        schedule()
    }

    func streamClosed(_ id: Int32, _ code: UInt32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        stream.ended(code: code)
        if draining, streams.isEmpty { schedule() }
    }

    // MARK: Frames

    func schedule() {
        guard !scheduled, !isClosed else { return }
        scheduled = true
        IO.loop.flushAtEndOfTurn(self)
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        heardSinceTick = true
        inSession += 1
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let code = nghttp2_session_mem_recv(session, start, bytes.count)
        inSession -= 1
        if isClosed { return free() }
        if code < 0 {
            let reason = String(cString: nghttp2_strerror(Int32(code)))
            transport.close(.closed(reason: "not HTTP/2: \(reason)"))
        } else {
            schedule()
        }
    }

    /// Pulls frames from nghttp2 while little is unsent, in records of up to 16 KiB.
    public func flushTurn() {
        scheduled = false
        guard !isClosed else { return }
        inSession += 1
        var gathered = 0
        capped = true
        while !isClosed, transport.unsent + gathered < limits.unsentBytes {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count > 0, let bytes else {
                capped = false
                break
            }
            if gathered + count > Self.record.count { gathered = writeRecord(gathered) }
            if count > Self.record.count / 2 {
                transport.write(UnsafeRawBufferPointer(start: bytes, count: count))
            } else {
                let space = UnsafeMutableRawBufferPointer(rebasing: Self.record[gathered...])
                space.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
                gathered += count
            }
        }
        gathered = writeRecord(gathered)
        inSession -= 1
        if isClosed { return free() }
        transport.flush()
        tellDrained()
        guard !isClosed else { return }
        // All was taken by the system: no drain will come.
        if capped, transport.unsent == 0 { schedule() }
        let over =
            nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
        if over || (draining && streams.isEmpty), transport.unsent == 0 { transport.finish() }
    }

    private static let record = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 16384, alignment: 16)

    private func writeRecord(_ count: Int) -> Int {
        if count > 0 {
            transport.write(UnsafeRawBufferPointer(rebasing: Self.record[0..<count]))
        }
        return 0
    }

    private func tellDrained() {
        guard !drainedStreams.isEmpty else { return }
        let drained = drainedStreams
        drainedStreams = []
        for stream in drained where !stream.isClosed && stream.unsent == 0 { stream.onDrain?() }
    }

    // MARK: Liveness

    /// Sends a ping; nil when the tunnel ends before the answer.
    public func ping() async -> Duration? {
        guard !isClosed, pings.count < 16 else { return nil }
        return await withUnsafeContinuation { sendPing($0) }
    }

    private func sendPing(_ answered: UnsafeContinuation<Duration?, Never>?) {
        pings.append((IO.now, answered))
        nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        schedule()
    }

    private func pong() {
        guard !pings.isEmpty else { return }
        let ping = pings.removeFirst()
        roundTrip = IO.now - ping.sent
        ping.answered?.resume(returning: roundTrip)
    }

    /// A silent interval sends a ping; a second silent one after it ends the tunnel.
    private func tick() {
        defer { heardSinceTick = false }
        guard !heardSinceTick else { return }
        if pings.count >= 2 { return transport.close(.closed(reason: "two pings unanswered")) }
        sendPing(nil)
    }

    // MARK: The end

    /// Takes no new calls, lets those in flight end, then closes (GOAWAY, RFC 9113 §6.8).
    public func drain() {
        guard !isClosed, !draining else { return }
        draining = true
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue),
            nghttp2_session_get_last_proc_stream_id(session), 0, nil, 0)
        schedule()
    }

    /// Ends the tunnel now: every waiting call fails, every answer's task is cancelled.
    public func close() { transport.close(nil) }

    private func end(_ reason: String) {
        guard !isClosed else { return }
        isClosed = true
        liveness?.cancel()
        liveness = nil
        for (_, stream) in streams { stream.ended(code: 0, tunnelReason: reason) }
        streams = [:]
        drainedStreams = []
        let waiting = pings
        pings = []
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
    private func free() {
        nghttp2_session_del(session)
        session = nil
    }
}
