// One client connection of a server: bytes → request → handler → response, one request at a time.
// Invariant: in every state but `handling` a deadline runs, and input held is capped.
import Loop
import Net

@IO final class HTTPConnection {
    enum State { case idle, head, body, handling, lingering, closed }

    let stream: any ByteStream
    private let server: HTTPServer
    private(set) var state = State.idle
    /// The server's tick at which this connection has waited too long.
    private(set) var deadline = Int.max
    private var isRetired = false

    private var input: [UInt8] = []
    private var start = 0
    private var parser = RequestParser()
    private var headBytes: [UInt8] = []
    private var head = RequestHead()
    private var body: IncomingBody
    /// The tick at which the handler has begun to wait for more of a body.
    private var waitsSince: Int?
    private var responder: HTTPResponder?
    private var isPaused = false

    private var visitor = Visitor()

    init(_ stream: any ByteStream, _ server: HTTPServer, onKnown: (@IO () -> Void)? = nil) {
        self.stream = stream
        self.server = server
        visitor.onKnown = onKnown
        body = IncomingBody(server.limits)
        deadline = server.tick(after: server.ticks.idle)
        unsafe stream.onData = { unsafe self.received($0) }
        stream.onDrain = { self.drained() }
        stream.onEnd = { self.inputEnded() }
        stream.onClose = { _ in self.closed() }
    }

    private var limits: HTTPLimits { server.limits }
    /// Who the last request came from, as judged by its head or set by its handler.
    var client: String? {
        get { visitor.name }
        set {
            visitor.name = newValue
            if newValue != nil { tellKnown() }
        }
    }
    /// Whether it closes after the next response.
    private var isDraining: Bool { isRetired || server.phase != .serving }

    // MARK: Input

    private func received(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .lingering, .closed: return
        case .handling:
            unsafe input.append(contentsOf: bytes)
            pauseIfFull()
            responder?.bodyMoved()
        case .idle, .head, .body:
            unsafe input.append(contentsOf: bytes)
            advance()
            pauseIfFull()
        }
    }

    /// The client sends no more, but may still read: requests that came whole are answered.
    private func inputEnded() {
        visitor.probes = 0
        switch state {
        case .handling:
            watchLeaving()
            responder?.bodyMoved()
        case .idle, .head, .body, .lingering: endWithoutInput()
        case .closed: break
        }
    }

    /// Ends the connection after what is still to be sent, unless a request is left to be read.
    private func endWithoutInput() {
        let isWaiting = state == .idle && isCongested && start < input.count
        guard visitor.probes != nil, state != .handling, !isWaiting else { return }
        if visitor.rest.isEmpty { stream.finish() } else { visitor.closesAfterRest = true }
    }

    /// Looks for a client that has ended its input, at intervals.
    ///
    /// It has left, or it waits: the system tells the two apart only after something was sent.
    ///
    /// A client that still takes bytes is there.
    private func watchLeaving() {
        guard !isCongested else { return watchDrain() }
        deadline = visitor.probes == nil ? .max : server.tick(after: server.ticks.probe)
    }

    /// While a request is handled or the peer does not read, input is only buffered.
    private func pauseIfFull() {
        guard state == .handling || isCongested else { return }
        guard !isPaused, input.count - start > limits.memory.pipelined else { return }
        isPaused = true
        stream.pauseReading()
    }

    /// Takes as many requests from the input as are complete.
    private func advance() {
        do throws(HTTPError) {
            while true {
                switch state {
                case .idle, .head:
                    guard !isCongested, start < input.count, try parseHead() else { break }
                    try beginBody()
                    continue
                case .body:
                    guard try takeBody() else { break }
                    dispatch()
                    continue
                case .handling, .lingering, .closed: break
                }
                break
            }
        } catch {
            if state == .idle, input[start] == 22 { server.onTLS?(stream.peer) }  // a TLS handshake
            if case .refused(let status) = error { refuse(status) }
        }
        compact()
    }

    /// Drops the input that has been taken.
    private func compact() {
        if start == input.count {
            input.removeAll(keepingCapacity: input.capacity <= 16 << 10)
        } else if start > 0 {
            input.removeFirst(start)
        }
        start = 0
    }

    private func parseHead() throws(HTTPError) -> Bool {
        let bytes = input
        guard try parser.parse(bytes.span.extracting(start...), limits) else {
            if state == .idle {
                state = .head
                deadline = server.tick(after: server.ticks.head)
            }
            return false
        }
        head = parser.head
        parser = RequestParser()
        headBytes = Array(input[start..<(start + head.size)])
        start += head.size
        return true
    }

    /// Decides how the body is read; a request without a body is dispatched.
    private func beginBody() throws(HTTPError) {
        state = .body
        deadline = server.tick(after: server.ticks.body)
        guard head.isKnownMethod(in: headBytes) else { throw .refused(status: 405) }
        let length = head.contentLength ?? 0
        if head.isChunked || length > 0, headBytes.isText(head.method, "PUT"),
            server.rules.streams(request())
        {
            body = IncomingBody(head, limits, pace: BodyPace(ticks: server.ticks.body))
            return dispatch()
        }
        guard length <= limits.bodyBytes else { throw .refused(status: 413) }
        body = IncomingBody(head, limits)
        let isHere = !head.isChunked && input.count - start >= length
        if !isHere || length > limits.memory.shortBody {
            switch server.admission(of: request()) {
            case .known(let sender):
                client = sender
                body.claim = server.bodies.claim(for: sender)
            case .open(let most):
                guard length <= most else { throw .refused(status: 413) }
                body = IncomingBody(head, limits, most: most)
                body.claim = server.bodies.claim(for: "")
            case .refused:
                isRetired = true
                return dispatch()
            }
        }
        if start == input.count, !body.isComplete { sayContinue() }
    }

    private func sayContinue() {
        guard head.expectsContinue, !head.isHTTP10 else { return }
        head.expectsContinue = false
        write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }

    /// Moves input to the body, and counts it on its sender's share of the server's budget; true
    /// when it is complete.
    private func takeBody() throws(HTTPError) -> Bool {
        try body.take(input, from: &start)
        if let claim = body.claim, !claim.grow(by: body.bytes.count - claim.bytes) {
            throw .refused(status: 503)
        }
        return body.isComplete
    }

    /// The next bytes of a body that the handler reads: empty if none have come, nil at its end.
    func takePiece() throws(HTTPError) -> [UInt8]? {
        guard !body.isComplete else { return nil }
        if let since = waitsSince { body.waited(from: since, to: server.tick(after: 0)) }
        waitsSince = nil
        try body.take(input, from: &start)
        compact()
        let piece = body.handOver()
        watchLeaving()
        if isPaused {
            isPaused = false
            stream.resumeReading()
        }
        guard piece.isEmpty, !body.isComplete else { return piece.isEmpty ? nil : piece }
        guard visitor.probes == nil else { throw .closed }
        return []
    }

    /// The handler waits for more of a body.
    func awaitBody() {
        sayContinue()
        waitsSince = server.tick(after: 0)
        deadline = server.tick(after: body.pace?.left ?? 0)
    }

    private func request() -> HTTPRequest {
        HTTPRequest(
            bytes: headBytes, head: head, body: body.bytes, claim: body.claim, peer: stream.peer,
            peerAddress: stream.peerAddress, isEncrypted: stream is TLSStream)
    }

    private func dispatch() {
        state = .handling
        watchLeaving()
        let request = request()
        let isHead = headBytes.isText(head.method, "HEAD")
        headBytes = []
        // The request has the bytes and their claim now; both end with its last user.
        if body.pace == nil { body = IncomingBody(limits) }
        let responder = HTTPResponder(self, head, isHead: isHead)
        self.responder = responder
        responder.run(server.handler, request)
    }

    // MARK: Output

    /// More is unsent than a writer may buffer.
    var isCongested: Bool { stream.unsent > limits.unsentBytes || !visitor.rest.isEmpty }

    /// Bytes of a reply that are written in one turn: encrypting them takes a little less than
    /// 1 ms.
    static let slice = 256 << 10

    /// Writes a whole body; a long one in slices, the next when the last has left, so that it is
    /// held once, and others have their turn.
    func write(body: [UInt8], holding room: ByteBudget.Claim?) {
        visitor.unread = room
        guard body.count > Self.slice else { return write(body) }
        visitor.rest = body[...]
        writeRest()
    }

    private func writeRest() {
        let piece = visitor.rest.prefix(Self.slice)
        visitor.rest = visitor.rest.dropFirst(Self.slice)
        if visitor.rest.isEmpty { visitor.rest = [] }
        unsafe piece.withUnsafeBytes { unsafe stream.write($0) }
        watchDrain()
        if visitor.rest.isEmpty, visitor.closesAfterRest { stream.finish() }
    }

    /// Whether the connection stays open after a response with this status.
    func staysOpen(after status: Int) -> Bool {
        switch status {
        case 400, 401, 403, 404, 426: visitor.refusals += 1
        default: break
        }
        let isLast = visitor.probes != nil && start == input.count
        return body.isComplete && !isDraining && !isLast && visitor.refusals < limits.refusals
    }

    func writeHead(
        status: Int, headers: HTTPHeaders, framing: ResponseFraming, keepAlive: Bool
    ) {
        server.scratch.removeAll(keepingCapacity: true)
        server.scratch.append(
            status: status, headers: headers, framing: framing, keepAlive: keepAlive,
            date: server.date())
        stream.write(server.scratch)
    }

    /// Room for bytes of a reply, on the client's share until it has read them.
    ///
    /// Nil: there is none, because the client leaves too much unread. For a short reply there
    /// always is.
    func room(for bytes: Int) -> ByteBudget.Claim? {
        let claim = server.replies.claim(for: client ?? "")
        return claim.grow(by: bytes) || bytes <= limits.memory.shortReply ? claim : nil
    }

    func write(_ bytes: [UInt8]) {
        stream.write(bytes)
        if isCongested { watchDrain() }
    }

    func write(chunk: ArraySlice<UInt8>, framed: Bool) {
        guard framed else { return write(Array(chunk)) }
        server.scratch.removeAll(keepingCapacity: true)
        server.scratch.append(chunkSize: chunk.count)
        server.scratch.append(contentsOf: chunk)
        server.scratch.append(literal: "\r\n")
        write(server.scratch)
    }

    func writeLastChunk() { stream.write(Array("0\r\n\r\n".utf8)) }

    /// A peer that does not read is dropped; one that reads 64 KiB a second has enough time.
    private func watchDrain() {
        deadline = server.tick(
            after: server.ticks.write + stream.unsent / (64 << 10) * server.ticks.second)
    }

    private func drained() {
        guard visitor.rest.isEmpty else { return writeRest() }
        visitor.unread?.release()
        switch state {
        case .handling:
            watchLeaving()
            responder?.drained()
        case .idle, .head: next()
        case .body, .lingering, .closed: break
        }
    }

    /// The response is complete: the next request, or the end.
    func responded(keepAlive: Bool) {
        responder = nil
        guard state == .handling else { return }
        guard keepAlive else {
            state = .lingering
            // Whoever is still sending is heard for a moment, as when a request is refused.
            guard body.isComplete else {
                deadline = server.tick(after: server.ticks.linger)
                if isPaused { stream.resumeReading() }
                return
            }
            deadline = server.tick(after: server.ticks.write)
            if visitor.rest.isEmpty { stream.finish() } else { visitor.closesAfterRest = true }
            // What still comes is read and dropped, or its rest would reset the connection before
            // the peer has read the response.
            if isPaused { stream.resumeReading() }
            return
        }
        state = .idle
        next()
    }

    private func next() {
        if isCongested { return watchDrain() }
        if state == .idle { deadline = server.tick(after: server.ticks.idle) }
        advance()
        if isPaused, state != .handling || input.count <= limits.memory.pipelined {
            isPaused = false
            stream.resumeReading()
        }
        endWithoutInput()
    }

    /// Answers a malformed request, and keeps reading for a moment: closing with unread input would
    /// reset the connection before the peer has read the reason.
    private func refuse(_ status: Int) {
        guard state != .closed, state != .lingering else { return }
        let isHead = !headBytes.isEmpty && headBytes.isText(head.method, "HEAD")
        let (line, headers) = Self.refusal(status)
        let text = isHead ? [] : Array("\(line)\n".utf8)
        writeHead(status: status, headers: headers, framing: .length(text.count), keepAlive: false)
        stream.write(text)
        input = []
        start = 0
        body = IncomingBody(limits)
        state = .lingering
        deadline = server.tick(after: server.ticks.linger)
        if isPaused { stream.resumeReading() }
    }

    // MARK: The end

    /// The deadline passed.
    func expire() {
        switch state {
        case .head, .body: refuse(408)
        case .handling where visitor.probes != nil && stream.unsent == 0:
            let number = (visitor.probes ?? 0) + 1
            visitor.probes = number
            watchLeaving()
            responder?.probe(number)
        case .handling where waitsSince != nil:
            deadline = .max
            responder?.bodyIsLate()
        case .idle, .handling, .lingering, .closed: stream.close()
        }
    }

    /// Closes it now; what the client has not read is lost.
    func cut() { stream.close() }

    /// Closes it now if it is idle, else after its response.
    func drain() {
        isRetired = true
        guard state == .idle, start == input.count else { return }
        // A long response may still be leaving in slices.
        if visitor.rest.isEmpty { stream.finish() } else { visitor.closesAfterRest = true }
    }

    /// Gives the stream away during a request, with what came after that; nil: it is gone.
    func detach() -> (stream: any ByteStream, rest: [UInt8])? {
        guard state == .handling, visitor.probes == nil else { return nil }
        state = .closed
        unsafe stream.onData = nil
        (stream.onDrain, stream.onEnd, stream.onClose) = (nil, nil, nil)
        if isPaused { stream.resumeReading() }
        tellKnown()
        server.remove(self)
        responder = nil
        return (stream, Array(input[start...]))
    }

    private func tellKnown() {
        let tell = visitor.onKnown
        visitor.onKnown = nil
        tell?()
    }

    private func closed() {
        state = .closed
        input = []
        body = IncomingBody(limits)
        visitor.unread = nil
        visitor.rest = []
        tellKnown()
        server.remove(self)
        responder?.disconnected()
        responder = nil
    }
}
