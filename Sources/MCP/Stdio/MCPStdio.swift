// The stdio transport: one client on two descriptors, one message a line. Flow: input → lines →
// StdioConversation → output. Invariant: `run` returns soon after the input ends or the output
// breaks, and leaves the descriptors' flags as they were.
import Glibc
public import Loop

/// Serves an MCP server on standard input and output.
@IO public final class MCPStdio {
    private let server: MCPServer
    private let principal: Principal
    private let input: Int32
    private let output: Int32
    private var splitter: LineSplitter
    private var source: DescriptorSource?
    private var ended = Waiters()
    private var hasEnded = false

    /// A transport for one client, who acts as `principal`.
    public init(
        server: MCPServer, principal: Principal, input: Int32 = 0, output: Int32 = 1
    ) {
        self.server = server
        self.principal = principal
        self.input = input
        self.output = output
        splitter = LineSplitter(limit: server.limits.messageBytes)
    }

    /// Serves until the input ends, the output breaks or the task is cancelled.
    public func run() async {
        // A client that goes away must end in an error of write, not in a signal.
        signal(SIGPIPE, SIG_IGN)
        let flags = [input, output].map { ($0, fcntl($0, F_GETFL)) }
        defer { for (descriptor, flags) in flags { _ = fcntl(descriptor, F_SETFL, flags) } }

        let limits = server.limits
        let sink = DescriptorSink(output)
        let conversation = StdioConversation(
            server: server, principal: principal,
            send: { [weak self] message in
                sink.write(line: message)
                if sink.unsent > limits.queuedBytes { self?.source?.pause() }
            },
            notify: { message in
                if sink.unsent <= limits.queuedBytes { sink.write(line: message) }
            })
        sink.onDrain = { [weak self] in
            if sink.isBroken { self?.end() } else { self?.source?.resume() }
        }
        let source = DescriptorSource(
            input,
            onData: { [weak self] bytes in
                for line in self?.splitter.feed(bytes) ?? [] { conversation.receive(line) }
            },
            onEnd: { [weak self] in
                for line in self?.splitter.finish() ?? [] { conversation.receive(line) }
                self?.end()
            })
        self.source = source
        source.start()
        await untilEnd()

        source.close()
        self.source = nil
        if !sink.isBroken, !Task.isCancelled {
            _ = await IO.within(limits.endOfInputGrace) { await conversation.settle() }
        }
        conversation.inFlight.cancelAll()
        if !sink.isBroken {
            _ = await IO.within(limits.endOfInputGrace) { await sink.whenFlushed() }
        }
        sink.onDrain = nil
        sink.close()
    }

    private func untilEnd() async {
        await withTaskCancellationHandler {
            guard !hasEnded else { return }
            await withCheckedContinuation { ended.add($0) }
        } onCancel: {
            IO.task { self.end() }
        }
    }

    private func end() {
        hasEnded = true
        ended.resume()
    }
}
