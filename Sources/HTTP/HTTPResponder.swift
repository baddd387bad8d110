// A handler's way to answer one request: at once, or in pieces. Invariant: exactly one response
// leaves per request; calls in the wrong order, or after the peer has left, do nothing.
public import Loop
import Net

/// Answers one request.
///
/// Either `send`, or `start`, any number of `write`, `end`.
@IO public final class HTTPResponder {
    private enum Phase { case waiting, streaming, done }

    /// Whether the client has left; what is written after that is dropped.
    public private(set) var isDisconnected = false

    /// Called once when the client goes away before the response is complete.
    ///
    /// The handler's task is cancelled as well.
    public var onDisconnect: (@IO () -> Void)? {
        didSet { if isDisconnected { tellDisconnect() } }
    }

    /// Called once when the client has ended its input and the response has not started: a handler
    /// that can start it should, because only sending shows whether the client has left.
    public var onInputEnd: (@IO () -> Void)?

    /// Who the request comes from, as set by the handler; used by `HTTPServer.end`.
    public var client: String? {
        get { connection.client }
        set { connection.client = newValue }
    }

    private var phase = Phase.waiting
    private let connection: HTTPConnection
    private let isHead: Bool
    private let isHTTP10: Bool
    private var keepAlive: Bool
    private var isEventStream = false
    private var task: Task<Void, Never>?
    private var writers: [CheckedContinuation<Void, Never>] = []
    /// The reader of a body that waits for more of it.
    private var reader: CheckedContinuation<Void, Never>?
    private var isLate = false
    /// The bytes of a body of known length that are still to be written.
    private var unwritten: Int?

    init(_ connection: HTTPConnection, _ head: RequestHead, isHead: Bool) {
        self.connection = connection
        self.isHead = isHead
        isHTTP10 = head.isHTTP10
        keepAlive = head.keepAlive
    }

    /// Sends a complete response.
    public func send(status: Int = 200, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        guard phase == .waiting, !isDisconnected else { return }
        let hasBody = !isHead && status >= 200 && status != 204 && status != 304
        let room = hasBody ? connection.room(for: body.count) : nil
        guard !hasBody || room != nil else { return sendCrowded(body.count) }
        phase = .done
        keepAlive = connection.staysOpen(after: status) && keepAlive
        connection.writeHead(
            status: status, headers: headers, framing: .length(body.count), keepAlive: keepAlive)
        if hasBody { connection.write(body: body, holding: room) }
        finished()
    }

    /// Sends status 503 in place of a reply that does not fit into the memory for unread replies.
    private func sendCrowded(_ count: Int) {
        send(
            status: 503,
            text: "the reply has \(count) bytes, and the relay's memory for unread replies is full."
                + " Read your earlier replies if you have any; others may fill it, too. Then ask again"
                + " in a moment; what this request did is done.",
            headers: ["Retry-After": "1"])
    }

    /// Sends a short plain-text response, for errors.
    public func send(status: Int, text: String, headers: HTTPHeaders = [:]) {
        var headers = headers
        headers["Content-Type"] = "text/plain; charset=utf-8"
        send(status: status, headers: headers, body: Array("\(text)\n".utf8))
    }

    /// Sends the head of a response whose body follows in pieces.
    public func start(status: Int = 200, headers: HTTPHeaders = [:]) {
        start(status: status, headers: headers, length: nil)
    }

    /// Sends the head of a response whose body follows in pieces, with its length if that is known.
    ///
    /// A body that ends before `length` bytes ends the connection, so that nobody takes it as
    /// whole.
    public func start(status: Int = 200, headers: HTTPHeaders = [:], length: Int?) {
        guard phase == .waiting, !isDisconnected else { return }
        phase = .streaming
        isEventStream = headers["Content-Type"] == "text/event-stream"
        unwritten = length
        keepAlive = connection.staysOpen(after: status) && keepAlive
        if length == nil { keepAlive = keepAlive && !isHTTP10 }
        connection.writeHead(
            status: status, headers: headers,
            framing: length.map { .length($0) } ?? (isHTTP10 ? .untilClose : .chunked),
            keepAlive: keepAlive)
    }

    /// Whether the body is written in chunks.
    private var isChunked: Bool { !isHTTP10 && unwritten == nil }

    /// The next piece of a request's body that is read here (`HTTPServer.Streams`); nil at its end.
    ///
    /// Throws `refused` with the status to answer with if the body breaks the rules, or comes too
    /// slowly.
    public func nextPiece() async throws(HTTPError) -> [UInt8]? {
        while true {
            guard !isDisconnected, phase == .waiting, !Task.isCancelled else { throw .closed }
            guard let piece = try connection.takePiece() else { return nil }
            guard piece.isEmpty else { return piece }
            guard !isLate else { throw .refused(status: 408) }
            connection.awaitBody()
            await withCheckedContinuation { reader = $0 }
        }
    }

    /// More of the body has come, or none will.
    func bodyMoved() {
        let waiting = reader
        reader = nil
        waiting?.resume()
    }

    /// The body comes too slowly.
    func bodyIsLate() {
        isLate = true
        bodyMoved()
    }

    /// Sends a piece of the body, and waits while the client is slower than the writer.
    public func write(_ chunk: [UInt8]) async throws(HTTPError) {
        guard !isDisconnected, phase == .streaming else { throw .closed }
        guard !isHead, !chunk.isEmpty else { return }
        guard let room = connection.room(for: chunk.count) else {
            // Its end is missing, which shows the client that the reply is not complete.
            connection.cut()
            throw .closed
        }
        defer { room.release() }
        var rest = chunk[...]
        if let unwritten {
            precondition(chunk.count <= unwritten, "more than the announced length")
            self.unwritten = unwritten - chunk.count
        }
        while !rest.isEmpty {
            connection.write(
                chunk: rest.prefix(HTTPConnection.slice), framed: isChunked)
            rest = rest.dropFirst(HTTPConnection.slice)
            guard connection.isCongested else { continue }
            await withCheckedContinuation { writers.append($0) }
            if isDisconnected { throw .closed }
        }
    }

    /// Sends one server-sent event.
    public func write(_ event: SSEEvent) async throws(HTTPError) {
        try await write(event.encoded())
    }

    /// Ends a body that was sent in pieces.
    public func end() {
        guard phase == .streaming, !isDisconnected else { return }
        if !isHead, let unwritten, unwritten > 0 { return abort() }
        phase = .done
        if !isHead, isChunked { connection.writeLastChunk() }
        finished()
    }

    /// Ends the connection in the middle of such a body, so that nobody takes it as whole.
    public func abort() {
        guard phase == .streaming, !isDisconnected else { return }
        connection.cut()
    }

    /// Cancels the handler's task; its response is still sent.
    public func cancel() {
        task?.cancel()
        bodyMoved()
    }

    private func finished() {
        onDisconnect = nil
        onInputEnd = nil
        task = nil
        resumeWriters()
        connection.responded(keepAlive: keepAlive)
    }

    // MARK: The connection's side

    func run(_ handler: @escaping HTTPServer.Handler, _ request: HTTPRequest) {
        task = IO.task {
            await handler(request, self)
            self.returned()
        }
    }

    /// The handler has returned: whatever it left open is closed.
    private func returned() {
        switch phase {
        case .waiting: send(status: 500, text: "the request was not answered")
        case .streaming: end()
        case .done: break
        }
    }

    func drained() { resumeWriters() }

    /// Ends HTTP on the connection, if nothing was answered yet.
    func detach() -> (stream: any ByteStream, rest: [UInt8])? {
        guard phase == .waiting, !isDisconnected, let given = connection.detach() else {
            return nil
        }
        phase = .done
        onDisconnect = nil
        onInputEnd = nil
        task = nil
        return given
    }

    /// The probes that are interim replies.
    ///
    /// Simple clients do not expect any: what is answered soon comes without. Go's, up to 1.22,
    /// refuses a sixth. A client that leaves as it ends its input is noticed by the first two; the
    /// others notice one that waited before it left.
    private static let interimProbes = [3, 6, 12, 24, 48]

    /// Sends something that a client skips, so that the system reports one that has left.
    func probe(_ number: Int) {
        switch phase {
        case .waiting:
            if let begin = onInputEnd {
                onInputEnd = nil
                begin()
            } else if Self.interimProbes.contains(number), !isHTTP10 {
                connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            }
        case .streaming where !isEventStream:
            // Nothing can be put between its pieces, and few who wait for them end their input.
            connection.cut()
        case .streaming where writers.isEmpty:
            connection.write(chunk: SSEEvent.keepAlive[...], framed: !isHTTP10)
        case .streaming, .done: break
        }
    }

    func disconnected() {
        guard phase != .done, !isDisconnected else { return }
        isDisconnected = true
        task?.cancel()
        task = nil
        onInputEnd = nil
        tellDisconnect()
        resumeWriters()
        bodyMoved()
    }

    private func tellDisconnect() {
        guard let tell = onDisconnect else { return }
        onDisconnect = nil
        tell()
    }

    private func resumeWriters() {
        guard !writers.isEmpty else { return }
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume() }
    }
}
