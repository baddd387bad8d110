// Serves connections and hands their requests to one handler. One repeating timer enforces every
// connection's deadline. Invariant: `connections` holds exactly the open ones, at most the limit.
public import Loop
public import Net

/// An HTTP/1.1 server.
@IO public final class HTTPServer {
    /// Who a request comes from, judged by its head alone; nil: its body is not received.
    public typealias Judge = @IO (HTTPRequest) -> String?
    /// The most bytes that a body may have whose sender is not known (login, OAuth); 0: it is not
    /// received.
    ///
    /// Judged by the head alone. Such bodies share one part of the server's budget.
    public typealias OpenBodies = @IO (HTTPRequest) -> Int
    /// Whether the handler of a PUT reads its body piece by piece (`HTTPResponder.nextPiece`).
    ///
    /// Judged by the head alone: the request is handled at once, and its body is neither held nor
    /// bounded here.
    public typealias Streams = @IO (HTTPRequest) -> Bool
    /// Answers one request; its task is cancelled when the client goes away first.
    public typealias Handler = @IO (HTTPRequest, HTTPResponder) async -> Void

    /// What becomes of connections.
    enum Phase {
        /// They stay.
        case serving
        /// Each closes after its next response.
        case retiring
        /// They close when they are idle, and none is taken.
        case draining
    }

    static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    let limits: HTTPLimits
    let handler: Handler
    /// How requests are judged by their heads.
    let rules: (judge: Judge, streams: Streams, openBodies: OpenBodies)
    /// The bodies that are being received or answered.
    let bodies: ByteBudget
    /// The bytes of replies that clients have not read.
    let replies: ByteBudget
    /// Called with the address of a client that begins with TLS, where there is none.
    public var onTLS: (@IO (String) -> Void)?
    /// What becomes of connections.
    private(set) var phase = Phase.serving
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var sweep: LoopTimer?
    private var tick = 0
    let ticks: HTTPTicks
    private var cachedDate = HTTPDate()
    /// Scratch space for a head or a chunk, shared by the connections, which run one at a time.
    var scratch: [UInt8] = []
    private var onEmpty: [CheckedContinuation<Void, Never>] = []

    /// A server without connections; whoever listens hands them to `serve`.
    ///
    /// A request whose body is not received is handled at once, with an empty body; its connection
    /// closes after the response.
    public init(
        limits: HTTPLimits = HTTPLimits(), judge: @escaping Judge = { _ in "" },
        streams: @escaping Streams = { _ in false },
        openBodies: @escaping OpenBodies = { _ in 0 }, handler: @escaping Handler
    ) {
        self.limits = limits
        self.handler = handler
        rules = (judge, streams, openBodies)
        bodies = ByteBudget(limit: limits.memory.bodies, share: limits.memory.clientBodies)
        replies = ByteBudget(limit: limits.memory.replies, share: limits.memory.clientReplies)
        let shortest = min(
            limits.headDeadline, limits.bodyDeadline, limits.idleDeadline, limits.writeDeadline,
            limits.lingerDeadline, limits.probeInterval)
        ticks = HTTPTicks(
            limits, length: min(.milliseconds(250), max(.milliseconds(10), shortest / 4)))
    }

    /// How many connections are open.
    public var connectionCount: Int { connections.count }

    /// Serves one connected stream: TCP, TLS or Unix.
    ///
    /// `onKnown` is called once, when it is known who the client is, or else when the stream has
    /// ended.
    public func serve(_ stream: any ByteStream, onKnown: (@IO () -> Void)? = nil) {
        guard !stream.isClosed else {
            onKnown?()
            return
        }
        guard phase != .draining, connections.count < limits.connections else {
            return Self.refuse(stream, onEnd: onKnown)
        }
        let connection = HTTPConnection(stream, self, onKnown: onKnown)
        connections[ObjectIdentifier(connection)] = connection
        if sweep == nil {
            sweep = LoopTimer(after: ticks.length, repeating: ticks.length) { [weak self] in
                self?.expireDue()
            }
        }
    }

    /// Answers with 503 in place of serving; `onEnd` is called when the stream has ended.
    public static func refuse(_ stream: any ByteStream, onEnd: (@IO () -> Void)? = nil) {
        stream.write(Array("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n".utf8))
        stream.write(Array("Connection: close\r\nContent-Length: 0\r\n\r\n".utf8))
        stream.onClose = { _ in onEnd?() }
        stream.finish()
    }

    /// Whose body may be received.
    enum Admission {
        /// That of a known sender.
        case known(String)
        /// The body of an unknown sender, of this many bytes at most.
        case open(Int)
        /// None.
        case refused
    }

    /// Judges a request by its head.
    func admission(of request: HTTPRequest) -> Admission {
        if let sender = rules.judge(request) { return .known(sender) }
        let most = rules.openBodies(request)
        return most > 0 ? .open(most) : .refused
    }

    /// Closes the connections of one client: each after its response, and all after `grace`.
    public func end(client name: String, grace: Duration) async {
        let theirs = connections.values.filter { $0.client == name }
        for connection in theirs { connection.drain() }
        try? await IO.sleep(for: grace)
        // A proxy may have sent another client's request over the connection meanwhile.
        for connection in theirs where connection.client == name { connection.stream.close() }
    }

    /// Has each connection close after its next response, which says so; idle ones stay open for
    /// it, as a request may be on its way.
    public func retire() {
        if phase == .serving { phase = .retiring }
    }

    /// Takes no more connections; idle ones close, others after their response.
    public func drain() {
        phase = .draining
        for connection in Array(connections.values) { connection.drain() }
    }

    /// Takes no more connections, lets running requests finish for at most `grace`, then closes the
    /// rest.
    public func shutdown(grace: Duration) async {
        drain()
        if !connections.isEmpty { _ = await IO.within(grace) { await self.emptied() } }
        close()
    }

    /// Takes no more connections and closes every one now.
    public func close() {
        phase = .draining
        for connection in Array(connections.values) { connection.stream.close() }
    }

    /// Waits until no connection is left.
    public func emptied() async {
        if connections.isEmpty { return }
        await withCheckedContinuation { onEmpty.append($0) }
    }

    // MARK: The connections' side

    /// The first tick at which a wait starting now has certainly lasted `ticks`.
    func tick(after ticks: Int) -> Int { tick + 1 + ticks }

    private func expireDue() {
        tick += 1
        for connection in Array(connections.values) where connection.deadline <= tick {
            connection.expire()
        }
    }

    func remove(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
        guard connections.isEmpty else { return }
        sweep?.cancel()
        sweep = nil
        let waiting = onEmpty
        onEmpty = []
        for continuation in waiting { continuation.resume() }
    }

    /// The Date line of this second.
    func date() -> [UInt8] {
        cachedDate.update()
        return cachedDate.line
    }

}

/// The limits' waits counted in sweeps, so that no request costs a clock reading.
struct HTTPTicks {
    /// The time between two sweeps: a quarter of the shortest wait, but 10 to 250 ms, so that waits
    /// end only a little late and a quiet server wakes seldom.
    let length: Duration
    let head, body, idle, write, linger, probe, second: Int

    init(_ limits: HTTPLimits, length: Duration) {
        self.length = length
        func count(_ wait: Duration) -> Int { Int((wait / length).rounded(.up)) }
        head = count(limits.headDeadline)
        body = count(limits.bodyDeadline)
        idle = count(limits.idleDeadline)
        write = count(limits.writeDeadline)
        linger = count(limits.lingerDeadline)
        probe = count(limits.probeInterval)
        second = count(.seconds(1))
    }
}
