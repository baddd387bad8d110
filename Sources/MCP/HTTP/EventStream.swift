// One server-sent event stream. Flow: messages → queue → the connection, as fast as the client
// reads. Invariant: messages leave in order; optional messages beyond a slow client's limit are
// dropped; what is sent with `send`, and the last message, never is.
import HTTP
import Loop

@IO final class EventStream {
    private let reply: any Reply
    private let limits: MCPLimits
    private var queue: [[UInt8]] = []
    private var queuedBytes = 0
    /// Set while the queue is being written; completes when all of it has been.
    private var pumping: Once<Void>?
    private var isClosed = false
    private var writtenAt = IO.now

    init(_ reply: any Reply, _ headers: HTTPHeaders, _ limits: MCPLimits) {
        self.reply = reply
        self.limits = limits
        var headers = headers
        headers["Content-Type"] = "text/event-stream"
        headers["Cache-Control"] = "no-cache, no-transform"
        headers["X-Accel-Buffering"] = "no"
        reply.start(status: 200, headers: headers)
    }

    /// Sends a comment, so that the stream's head leaves now: nginx keeps it back over HTTP/2 until
    /// there is something behind it, and the client waits for it.
    func greet() { enqueue(Self.keepAlive) }

    /// Sends a message that may be dropped if the client does not keep up; `id` is the event's.
    func notify(_ message: [UInt8], id: String? = nil) {
        guard queuedBytes + message.count <= limits.queuedBytes else { return }
        enqueue(Self.event(message, id))
    }

    /// Sends a message in any case.
    func send(_ message: [UInt8], id: String?) { enqueue(Self.event(message, id)) }

    /// Sends the text of an event as it is.
    func send(_ event: [UInt8]) { enqueue(event) }

    /// Calls back once when the client leaves, immediately if it has left.
    func onDisconnect(_ tell: @escaping @IO () -> Void) { reply.onDisconnect = tell }

    /// Sends the last message, if any, and ends the stream once the client has taken all.
    func finish(_ message: [UInt8]?) async {
        if let message { enqueue(Self.event(message, nil)) }
        await pumping?.wait()
        guard !isClosed else { return }
        isClosed = true
        reply.end()
    }

    private static let keepAlive = Array(": keepalive\n\n".utf8)

    private static func event(_ message: [UInt8], _ id: String?) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(message.count + 48)
        if let id { output.append("id: \(id)\n") }
        output.append("event: message\ndata: ")
        output.appendOnOneLine(message)
        output.append("\n\n")
        return output
    }

    private func enqueue(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        queue.append(bytes)
        queuedBytes += bytes.count
        writtenAt = IO.now
        guard pumping == nil else { return }
        let done = Once<Void>()
        pumping = done
        IO.task {
            await self.pump()
            done.set(())
        }
    }

    private func pump() async {
        do throws(HTTPError) {
            while !queue.isEmpty {
                let bytes = queue.removeFirst()
                try await reply.write(bytes)
                queuedBytes -= bytes.count
            }
        } catch {
            isClosed = true
            queue = []
            queuedBytes = 0
        }
        pumping = nil
    }
}

extension EventStream: Beating {
    func beat(_ now: ContinuousClock.Instant) {
        guard now - writtenAt >= limits.keepAlive else { return }
        greet()
    }
}
