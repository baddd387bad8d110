// One POSTed request and its reply, which stays plain JSON as long as possible. Flow: notify and
// finish → JSON, or an event stream after the first notification or ten seconds; in a legacy
// session the stream may outlive the connection. Invariant: exactly one reply; an error keeps its
// HTTP status unless the stream has started.
import HTTP
import Loop

@IO final class HTTPExchange {
    private let reply: any Reply
    private let headers: HTTPHeaders
    private let accept: Acceptance
    private let server: MCPServer
    private let beganAt = IO.now
    private var stream: EventStream?
    /// The streams of the legacy session that the request belongs to.
    private let streams: SessionStreams?
    private var replay: ReplayStream?

    init(
        _ reply: any Reply, _ headers: HTTPHeaders, _ accept: Acceptance, _ server: MCPServer,
        _ streams: SessionStreams? = nil
    ) {
        self.streams = streams
        self.reply = reply
        self.headers = headers
        self.accept = accept
        self.server = server
    }

    /// Starts the exchange's timeouts; `finish` ends them.
    func begin() {
        guard accept.stream else { return }
        server.pulse.add(self)
        reply.onInputEnd = { [weak self] in self?.startStream().greet() }
    }

    /// Whether `disconnect` would do anything.
    var canDisconnect: Bool { accept.stream && streams?.canResume == true }

    /// Ends the connection's stream, while the request goes on: its client comes back for the rest.
    func disconnect() {
        guard canDisconnect else { return }
        let stream = startStream()
        replay?.release()
        server.pulse.remove(self)
        IO.task { await stream.finish(nil) }
    }

    /// Sends a message that belongs to the request; a client that takes only JSON gets none.
    func notify(_ message: [UInt8]) {
        guard accept.stream else { return }
        let stream = startStream()
        if let replay { replay.notify(message) } else { stream.notify(message) }
    }

    /// Sends a message that belongs to the request and must not be dropped, such as a question; a
    /// client that takes only JSON gets none.
    func deliver(_ message: [UInt8]) {
        guard accept.stream else { return }
        let stream = startStream()
        if let replay { replay.send(message) } else { stream.send(message, id: nil) }
    }

    /// Sends the reply; `nil` for a request that was cancelled, whose stream then ends without one.
    func finish(_ message: [UInt8]?, status: Int = 200, extra: HTTPHeaders? = nil) async {
        server.pulse.remove(self)
        if stream == nil, status == 200, message == nil ? accept.stream : !accept.json {
            _ = startStream()
        }
        if let stream {
            replay?.finish(message)
            return await stream.finish(replay == nil ? message : nil)
        }
        guard let message else { return reply.send(status: 202, headers: headers, body: []) }
        reply.send(json: message, status: status, extra ?? headers)
    }

    private func startStream() -> EventStream {
        if let stream { return stream }
        let started = EventStream(reply, headers, server.limits)
        stream = started
        if let streams {
            let replay = streams.open()
            self.replay = replay
            replay.attach(started)
        }
        return started
    }
}

extension HTTPExchange: Beating {
    func beat(_ now: ContinuousClock.Instant) {
        if let stream {
            stream.beat(now)
        } else if now - beganAt >= server.limits.streamAfter {
            startStream().greet()
        }
    }
}
