// One message a line over any byte stream: a client that was attached through the relay's socket.
// Invariant: what cannot be sent is bounded; a client that does not read is not read from.
import JSON
public import Loop
public import Net

/// Serves an MCP server on a stream of lines.
@IO public final class MCPLines {
    private let stream: any ByteStream
    private var splitter: LineSplitter
    private let conversation: StdioConversation
    private let grace: Duration

    /// A transport for one client, who acts as `principal`; it lives as long as its stream.
    public init(server: MCPServer, principal: Principal, stream: any ByteStream) {
        self.stream = stream
        splitter = LineSplitter(limit: server.limits.messageBytes)
        grace = server.limits.endOfInputGrace
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

    /// Begins, with bytes that were received before.
    public func start(_ received: [UInt8]) {
        // Strong until the stream ends.
        unsafe stream.onData = { [self] bytes in unsafe receive(Array(bytes)) }
        stream.onDrain = { [weak stream] in stream?.resumeReading() }
        // What was asked before the input ended is still answered.
        stream.onEnd = { [self] in IO.task { await self.settle() } }
        stream.onClose = { [conversation] _ in conversation.inFlight.cancelAll() }
        receive(received)
        stream.resumeReading()
    }

    private func settle() async {
        for line in splitter.finish() { conversation.receive(line) }
        let conversation = self.conversation
        _ = await IO.within(grace) { await conversation.settle() }
        conversation.inFlight.cancelAll()
        stream.finish()
    }

    private func receive(_ bytes: [UInt8]) {
        for line in splitter.feed(bytes) { conversation.receive(line) }
    }
}
