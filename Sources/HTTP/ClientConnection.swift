// One client connection, one exchange at a time: request out, then head and body pieces in.
// Invariant: at most one waiter; a failed connection never returns to the client's idle list.
import Loop
import Net

@IO final class ClientConnection {
    private let stream: any ByteStream
    private let limits: HTTPLimits
    private let onIdle: @IO (ClientConnection) -> Void
    private let onEnd: @IO (ClientConnection) -> Void

    /// The response being received; nil while the connection is idle.
    private var response: ResponseReader?
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
        response = ResponseReader(isHead: isHead, limits)
        stream.write(requestHead)
        stream.write(body)
    }

    /// Waits for the response's head.
    func responseHead(_ deadline: Duration?) async throws(HTTPError) -> HTTPResponse {
        let end = deadline.map { IO.now + $0 }
        while true {
            if let head = response?.head { return head }
            if let error { throw error }
            await change(until: end)
        }
    }

    /// Waits for body bytes; `nil` at the end.
    func piece(_ deadline: Duration?) async throws(HTTPError) -> [UInt8]? {
        let end = deadline.map { IO.now + $0 }
        while true {
            if let piece = response?.take(), !piece.isEmpty {
                if isPaused {
                    isPaused = false
                    stream.resumeReading()
                }
                return piece
            }
            if response?.isComplete ?? true {
                release()
                return nil
            }
            if let error { throw error }
            await change(until: end)
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

    /// Waits until something has come; what comes slowly does not put the end off.
    private func change(until end: ContinuousClock.Instant?) async {
        let timer = end.map { LoopTimer(after: max(.zero, $0 - IO.now)) { self.fail(.timedOut) } }
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
        // Unrequested bytes: the two sides disagree on where messages end.
        guard response?.isComplete == false else { return fail(.malformedResponse) }
        do throws(HTTPError) {
            unsafe try response?.receive(bytes)
        } catch .refused(413) {
            fail(.tooLarge)
        } catch {
            fail(.malformedResponse)
        }
        if response?.isComplete == true, response?.leavesConnectionUsable == false { fail(.closed) }
        if !isPaused, response?.ready.count ?? 0 > 1 << 20 {
            isPaused = true
            stream.pauseReading()
        }
        wake()
    }

    /// Returns the connection to the idle list once the response has been read to its end.
    private func release() {
        guard response != nil, error == nil else { return }
        response = nil
        onIdle(self)
    }

    // MARK: The end

    private func closed(orderly: Bool) {
        if orderly { response?.close() }
        fail(.closed)
    }

    /// Ends the connection; the waiter gets `error`.
    func fail(_ error: HTTPError) {
        guard self.error == nil else { return }
        self.error = error
        stream.close()
        onEnd(self)
        wake()
    }
}
