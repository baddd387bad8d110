// One client connection, one exchange at a time: request out, then head and body pieces in.
// Invariant: at most one waiter; a failed connection never returns to the client's idle list.
import Loop
import Net

@IO final class ClientConnection {
    private let stream: any ByteStream
    private let limits: HTTPLimits
    private let onIdle: @IO (ClientConnection) -> Void
    private let onEnd: @IO (ClientConnection) -> Void

    private var input: [UInt8] = []
    private var parser = ResponseParser()
    private var head: HTTPResponse?
    private var isHead = false
    private var keepAlive = true
    /// Body bytes still to come; `nil` while chunked or until the connection closes.
    private var missing: Int?
    private var chunks: ChunkedDecoder?
    private var ready: [UInt8] = []
    private var isComplete = true
    private var isPaused = false
    private(set) var error: HTTPError?
    private var waiter: CheckedContinuation<Void, Never>?

    init(
        _ stream: any ByteStream, _ limits: HTTPLimits,
        onIdle: @escaping @IO (ClientConnection) -> Void,
        onEnd: @escaping @IO (ClientConnection) -> Void
    ) {
        self.stream = stream
        self.limits = limits
        self.onIdle = onIdle
        self.onEnd = onEnd
        unsafe stream.onData = { [weak self] in unsafe self?.received($0) }
        stream.onClose = { [weak self] in self?.closed(orderly: $0 == nil) }
        if stream.isClosed { error = .closed }
    }

    isolated deinit { stream.close() }

    // MARK: The exchange

    /// Sends a request; the connection must be idle.
    func begin(_ requestHead: [UInt8], _ body: [UInt8], isHead: Bool) {
        parser = ResponseParser()
        head = nil
        chunks = nil
        missing = nil
        isComplete = false
        self.isHead = isHead
        stream.write(requestHead)
        stream.write(body)
    }

    /// Waits for the response's head.
    func responseHead(_ deadline: Duration?) async throws(HTTPError) -> HTTPResponse {
        while true {
            if let head { return head }
            if let error { throw error }
            await change(deadline)
        }
    }

    /// Waits for body bytes; `nil` at the end.
    func piece(_ deadline: Duration?) async throws(HTTPError) -> [UInt8]? {
        while true {
            if !ready.isEmpty {
                let piece = ready
                ready = []
                if isPaused {
                    isPaused = false
                    stream.resumeReading()
                }
                return piece
            }
            if isComplete {
                release()
                return nil
            }
            if let error { throw error }
            await change(deadline)
        }
    }

    /// Waits for the whole body.
    func body(_ deadline: Duration) async throws(HTTPError) -> [UInt8] {
        let end = IO.now + deadline
        var body: [UInt8] = []
        while let piece = try await piece(end - IO.now) {
            if body.isEmpty { body = piece } else { body.append(contentsOf: piece) }
            guard body.count <= limits.bodyBytes else {
                fail(.tooLarge)
                throw .tooLarge
            }
        }
        return body
    }

    private func change(_ deadline: Duration?) async {
        let timer = deadline.map { LoopTimer(after: $0) { self.fail(.timedOut) } }
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter = $0 }
        } onCancel: {
            IO.task { self.fail(.closed) }
        }
        timer?.cancel()
    }

    private func wake() {
        let waiting = waiter
        waiter = nil
        waiting?.resume()
    }

    // MARK: Input

    private func received(_ bytes: UnsafeRawBufferPointer) {
        // Bytes that nobody asked for: the two sides disagree on where messages end.
        guard !isComplete else { return fail(.malformedResponse) }
        unsafe input.append(contentsOf: bytes)
        do throws(HTTPError) {
            if head == nil { try takeHead() }
            if head != nil { try takeBody() }
        } catch {
            switch error {
            case .refused(413): fail(.tooLarge)
            default: fail(.malformedResponse)
            }
        }
        if !isPaused, ready.count > 1 << 20 {
            isPaused = true
            stream.pauseReading()
        }
        wake()
    }

    private func takeHead() throws(HTTPError) {
        while true {
            let bytes = input
            guard try parser.parse(bytes.span, limits) else { return }
            let found = parser.head
            parser = ResponseParser()
            input.removeFirst(found.size)
            // 100 Continue and its like are followed by the real head.
            if found.status < 200, found.status != 101 { continue }
            keepAlive = found.keepAlive
            if isHead || found.status == 204 || found.status == 304 {
                missing = 0
            } else if found.isChunked {
                chunks = ChunkedDecoder(limits)
            } else if let length = found.contentLength {
                missing = length
            } else {
                keepAlive = false
            }
            head = HTTPResponse(found, Array(bytes[..<found.size]), body: [])
            return
        }
    }

    private func takeBody() throws(HTTPError) {
        if var decoder = chunks {
            let bytes = input
            let taken = try decoder.decode(bytes.span, into: &ready)
            chunks = decoder
            input.removeFirst(taken)
            if decoder.isDone { complete() }
        } else if let missing {
            let taken = min(missing, input.count)
            ready.append(contentsOf: input[..<taken])
            input.removeFirst(taken)
            self.missing = missing - taken
            if taken == missing { complete() }
        } else {
            ready.append(contentsOf: input)
            input = []
        }
    }

    private func complete() {
        isComplete = true
        if !keepAlive || !input.isEmpty { fail(.closed) }
    }

    /// Back to the idle list, once the response has been read to its end.
    private func release() {
        guard head != nil, error == nil else { return }
        head = nil
        onIdle(self)
    }

    // MARK: The end

    private func closed(orderly: Bool) {
        if orderly, head != nil, !isComplete, chunks == nil, missing == nil { isComplete = true }
        fail(.closed)
    }

    /// Ends the connection; whoever waits gets `error`.
    func fail(_ error: HTTPError) {
        guard self.error == nil else { return }
        self.error = error
        stream.close()
        onEnd(self)
        wake()
    }
}
