// One stdio client of a server elsewhere that may be replaced: a process between the two. Flow:
// client → lines → the server's stream, and back. Invariant: a request outside of a batch gets one
// reply, from the server or from here; a new server is sent what the client has settled with the
// last one (handshake, watched resources, log level), and no tool is called twice.
import JSON
public import Loop
public import Net

/// Passes a stdio client's messages to one server after another.
@IO public final class MCPLineRelay {
    private let client: any ByteStream
    private let limit: Int
    private var splitter: LineSplitter
    /// What a new server must have been told.
    private var settled = SettledLines()
    /// The requests without a reply, in their order.
    private var waiting: [Waiting] = []
    /// Lines that the client sent while no server was connected.
    private var early: [[UInt8]] = []
    private var server: (any ByteStream)?
    private var reply = Reply()
    private let closed = Once<Void>()

    /// Whether the client has ended its input, or `leave` was called.
    public private(set) var hasLeft = false

    /// A request without a reply.
    private struct Waiting {
        let id: RequestID
        /// The request, to be sent again; nil if that could do something twice.
        let line: [UInt8]?
    }

    /// What the server is sending.
    private struct Reply {
        var skim = MessageSkim()
        var isInLine = false
        /// The ids of what this relay sent by itself: their replies are still to come.
        var unwanted: Set<RequestID> = []
        /// The beginning of a line that may be such a reply.
        var held: [UInt8] = []
    }

    /// Unsent bytes above which a side is not read from: what a slow reader may make us hold.
    private static let unsentBytes = 1 << 18
    /// Longest request in bytes that is kept to be sent again.
    private static let keptBytes = 64 << 10
    /// Longest line in bytes that may be the reply to something that this relay sent by itself:
    /// the longest is the one to `initialize`, with a server's instructions.
    private static let heldBytes = 64 << 10
    /// How long a server may take to end after its client has left: longer than it gives requests
    /// that still run.
    private static let endGrace: Duration = .seconds(5)

    /// A relay for the client on this stream.
    public init(client: any ByteStream) {
        self.client = client
        limit = MCPLimits().messageBytes
        splitter = LineSplitter(limit: limit)
        unsafe client.onData = { [weak self] bytes in unsafe self?.take(Array(bytes)) }
        client.onEnd = { [weak self] in self?.leave() }
        client.onClose = { [weak self] _ in
            self?.hasLeft = true
            self?.server?.close()
            self?.closed.set(())
        }
    }

    /// Passes messages until the server's stream ends; `hasLeft` says whether that was its client's
    /// wish.
    public func serve(through server: any ByteStream) async {
        let ended = Once<Void>()
        reply = Reply()
        unsafe server.onData = { [weak self] bytes in unsafe self?.pass(Array(bytes)) }
        server.onDrain = { [weak client] in client?.resumeReading() }
        server.onClose = { _ in ended.set(()) }
        client.onDrain = { [weak server] in server?.resumeReading() }
        greet(server)
        if hasLeft { server.endWriting() } else { client.resumeReading() }
        server.resumeReading()
        await ended.wait()
        self.server = nil
        client.pauseReading()
        if reply.isInLine { client.write([0x0A]) }
    }

    /// Answers the requests that a lost server was working on, and must not be sent to another one,
    /// with an error that says `sentence`.
    public func fail(saying sentence: String) {
        for one in waiting where one.line == nil { send(error: .ended(sentence), one.id) }
        waiting.removeAll { $0.line == nil }
    }

    /// Ends the conversation: the server answers what it has, and ends its stream.
    public func leave() {
        guard !hasLeft else { return }
        hasLeft = true
        for line in splitter.finish() { take(line) }
        guard let server else { return }
        server.endWriting()
        IO.task {
            try? await IO.sleep(for: Self.endGrace)
            server.close()
        }
    }

    /// Ends the client's stream once it has read everything, or after `grace`.
    public func finish(within grace: Duration) async {
        client.finish()
        _ = await IO.within(grace) { await self.closed.wait() }
    }

    // MARK: To the server

    private func take(_ bytes: [UInt8]) {
        for line in splitter.feed(bytes) { take(line) }
    }

    private func take(_ line: LineSplitter.Line) {
        switch line {
        case .tooLong(let id):
            send(error: .unparsable("message longer than \(limit) bytes: send less at once"), id)
        case .text(let bytes):
            note(bytes)
            if let server { write(bytes, to: server) } else { early.append(bytes) }
        }
    }

    private func write(_ line: [UInt8], to server: any ByteStream) {
        server.write(line + [0x0A])
        if server.unsent > Self.unsentBytes { client.pauseReading() }
    }

    /// Remembers what a new server would have to know.
    ///
    /// The server itself refuses a line that holds no valid message.
    private func note(_ bytes: [UInt8]) {
        guard !Batch.isOne(bytes), let message = try? Message(bytes) else { return }
        switch message.kind {
        case .request(let id, let method):
            if bytes.count <= Self.keptBytes { settled.note(message, id, bytes) }
            let isRepeatable = method != "tools/call" && bytes.count <= Self.keptBytes
            waiting.append(Waiting(id: id, line: isRepeatable ? bytes : nil))
        case .notification("notifications/initialized"): settled.noteInitialized(bytes)
        case .notification("notifications/cancelled"):
            let id = message.params.id("requestId")
            waiting.removeAll { $0.id == id }
        case .notification, .response: break
        }
    }

    /// Brings a server to where the last one was: the handshake, the requests without a reply, and
    /// what came meanwhile.
    private func greet(_ server: any ByteStream) {
        self.server = server
        let unanswered = waiting.compactMap(\.line)
        // The client has the answers to these already.
        let again = settled.lines(without: Set(waiting.map(\.id)))
        reply.unwanted = Set(again.compactMap(\.id))
        for one in again { write(one.line, to: server) }
        let lines = unanswered.filter { !early.contains($0) } + early
        early = []
        for line in lines { write(line, to: server) }
    }

    // MARK: To the client

    private func pass(_ bytes: [UInt8]) {
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            pass(bytes[start...end])
            endLine()
            start = end + 1
        }
        if start < bytes.count { pass(bytes[start...]) }
        if client.unsent > Self.unsentBytes { server?.pauseReading() }
    }

    private func pass(_ piece: ArraySlice<UInt8>) {
        reply.skim.feed(piece)
        guard reply.unwanted.isEmpty else {
            reply.held += piece
            if reply.held.count > Self.heldBytes { letGo() }
            return
        }
        client.write(Array(piece))
        reply.isInLine = piece.last != 0x0A
    }

    /// Passes on what was held, as it is no unwanted reply.
    private func letGo() {
        guard let last = reply.held.last else { return }
        client.write(reply.held)
        reply.isInLine = last != 0x0A
        reply.held = []
    }

    private func endLine() {
        let skim = reply.skim
        reply.skim = MessageSkim()
        let id = skim.hasMethod ? nil : skim.id
        if let id, reply.unwanted.remove(id) != nil {
            reply.held = []
            return
        }
        letGo()
        guard let id else { return }
        if let at = waiting.firstIndex(where: { $0.id == id }) { waiting.remove(at: at) }
    }

    private func send(error: MCPError, _ id: RequestID?) {
        var line: [UInt8] = []
        line.appendOnOneLine(Envelope.error(id, error, .newest))
        client.write(line + [0x0A])
    }
}
