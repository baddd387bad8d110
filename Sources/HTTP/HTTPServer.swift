// Accepts connections and hands their requests to one handler. One repeating timer enforces every
// connection's deadline. Invariant: `connections` holds exactly the open ones, at most the limit.
public import Loop
public import Net

/// An HTTP/1.1 server.
@IO public final class HTTPServer {
    /// Whether the body of a request is worth receiving, judged by its head alone.
    public typealias Judge = @IO (HTTPRequest) -> Bool
    /// Answers one request; its task is cancelled when the client goes away first.
    public typealias Handler = @IO (HTTPRequest, HTTPResponder) async -> Void

    static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    let limits: HTTPLimits
    let handler: Handler
    let wantsBody: Judge
    /// The bodies that are being received or answered.
    let bodies: ByteBudget
    private(set) var isDraining = false
    private var listener: Listener?
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var sweep: LoopTimer?
    private var tick = 0
    /// The time between two sweeps: a quarter of the shortest wait, but 10 to 250 ms, so that waits
    /// end only a little late and a quiet server wakes seldom.
    private let tickLength: Duration
    let ticks: HTTPTicks
    private var cachedDate = HTTPDate()
    /// Scratch space for a head or a chunk, shared by the connections, which run one at a time.
    var scratch: [UInt8] = []
    private var onEmpty: [CheckedContinuation<Void, Never>] = []

    /// A server that does not listen yet.
    ///
    /// A request whose body is not wanted is handled at once, with an empty body; its connection
    /// closes after the response.
    public init(
        limits: HTTPLimits = HTTPLimits(), wantsBody: @escaping Judge = { _ in true },
        handler: @escaping Handler
    ) {
        self.limits = limits
        self.handler = handler
        self.wantsBody = wantsBody
        bodies = ByteBudget(limit: limits.allBodyBytes)
        let shortest = min(
            limits.headDeadline, limits.bodyDeadline, limits.idleDeadline, limits.writeDeadline,
            limits.lingerDeadline)
        tickLength = min(.milliseconds(250), max(.milliseconds(10), shortest / 4))
        ticks = HTTPTicks(limits, length: tickLength)
    }

    /// The address it listens on, with the port that was chosen if 0 was asked for.
    public var address: SocketAddress? { listener?.address }

    /// How many connections are open.
    public var connectionCount: Int { connections.count }

    /// Listens on a TCP address.
    public func listen(_ address: SocketAddress) throws(NetError) {
        listener = try Listener.tcp(address) { [weak self] in
            guard let self else { return $0.close() }
            self.serve($0)
        }
    }

    /// Serves one connected stream, such as a TLS or Unix one.
    public func serve(_ stream: any ByteStream) {
        guard !stream.isClosed else { return }
        guard !isDraining, connections.count < limits.connections else {
            stream.write(Array("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n".utf8))
            stream.write(Array("Connection: close\r\nContent-Length: 0\r\n\r\n".utf8))
            return stream.finish()
        }
        let connection = HTTPConnection(stream, self)
        connections[ObjectIdentifier(connection)] = connection
        if sweep == nil {
            sweep = LoopTimer(after: tickLength, repeating: tickLength) { [weak self] in
                self?.expireDue()
            }
        }
    }

    /// Closes the connections of one client: each after its response, and all after `grace`.
    public func end(client name: String, grace: Duration) async {
        let theirs = connections.values.filter { $0.client == name }
        for connection in theirs { connection.drain() }
        try? await IO.sleep(for: grace)
        // A proxy may have sent another client's request over the connection meanwhile.
        for connection in theirs where connection.client == name { connection.stream.close() }
    }

    /// Stops listening; idle connections close, others after their response.
    public func drain() {
        isDraining = true
        listener?.close()
        for connection in Array(connections.values) { connection.drain() }
    }

    /// Stops listening, lets running requests finish for at most `grace`, then closes the rest.
    public func shutdown(grace: Duration) async {
        drain()
        if !connections.isEmpty { _ = await IO.within(grace) { await self.emptied() } }
        close()
    }

    /// Stops listening and closes every connection now.
    public func close() {
        isDraining = true
        listener?.close()
        listener = nil
        for connection in Array(connections.values) { connection.stream.close() }
    }

    private func emptied() async {
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
    let head, body, idle, write, linger, second: Int

    init(_ limits: HTTPLimits, length: Duration) {
        func count(_ wait: Duration) -> Int { Int((wait / length).rounded(.up)) }
        head = count(limits.headDeadline)
        body = count(limits.bodyDeadline)
        idle = count(limits.idleDeadline)
        write = count(limits.writeDeadline)
        linger = count(limits.lingerDeadline)
        second = count(.seconds(1))
    }
}
