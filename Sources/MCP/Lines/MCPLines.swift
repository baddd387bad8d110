// The stdio transport: one client, one message per line, over any byte stream: standard input and
// output (`DescriptorStream`), or the relay's socket. Invariant: what waits to be sent is bounded;
// a client that does not read is not read from.
import JSON
public import Loop
public import Net

/// Serves an MCP server on a stream of lines.
@IO public final class MCPLines {
    private let stream: any ByteStream
    private let grace, cancelGrace: Duration
    private var splitter: LineSplitter
    private let conversation: StdioConversation
    private let ended = Once<Void>()

    /// A transport for one client, who acts as `principal`.
    public init(server: MCPServer, principal: Principal, stream: any ByteStream) {
        self.stream = stream
        grace = server.limits.grace.endOfInput
        cancelGrace = server.limits.grace.cancelled
        splitter = LineSplitter(limit: server.limits.messageBytes)
        let cap = server.limits.queuedBytes
        func send(_ message: [UInt8]) {
            var line: [UInt8] = []
            line.reserveCapacity(message.count + 1)
            line.appendOnOneLine(message)
            line.append(0x0A)
            stream.write(line)
        }
        conversation = StdioConversation(
            server: server, principal: principal,
            send: { message in
                send(message)
                if stream.unsent > cap { stream.pauseReading() }
            },
            notify: { if stream.unsent <= cap { send($0) } })
    }

    /// Serves until the stream ends or the task is cancelled.
    ///
    /// `received` holds the bytes received before. Requests that run when the client's input ends
    /// get a moment to finish.
    public func run(received: [UInt8] = []) async {
        // A strong reference until the stream ends.
        unsafe stream.onData = { [self] bytes in unsafe receive(Array(bytes)) }
        stream.onDrain = { [weak stream] in stream?.resumeReading() }
        stream.onEnd = { [self] in IO.task { await self.settle() } }
        stream.onClose = { [ended] _ in ended.set(()) }
        receive(received)
        stream.resumeReading()
        await withTaskCancellationHandler {
            await ended.wait()
        } onCancel: {
            IO.task { self.stream.close() }
        }
        conversation.leave()
    }

    /// Takes no more requests, and ends the stream when those that run are answered; they have
    /// `grace` for it.
    public func end(within grace: Duration) async {
        stream.pauseReading()
        unsafe stream.onData = nil
        stream.onDrain = nil
        conversation.inFlight.concludeAll()
        await conversation.settle(before: IO.now + grace)
        stream.finish()
    }

    private func receive(_ bytes: [UInt8]) {
        for line in splitter.feed(bytes) { conversation.receive(line) }
    }

    private func settle() async {
        for line in splitter.finish() { conversation.receive(line) }
        conversation.inFlight.concludeAll()
        await conversation.settle(before: IO.now + grace)
        // The client may still read: every request it has not cancelled gets an answer.
        conversation.inFlight.failAll(
            .ended(
                "the input ended while this request ran; what it started may keep running: "
                    + "connect again, then ask for its result or send it again"))
        await conversation.settle(before: IO.now + cancelGrace)
        stream.finish()
    }
}
