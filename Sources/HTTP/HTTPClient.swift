// A small HTTP/1.1 client for one server: idle connections are kept and used again. A request that
// may have arrived is never sent again. Invariant: every wait for a complete response has a
// deadline.
public import Loop
public import Net

/// A client of one server.
@IO public final class HTTPClient {
    /// Opens a connection to the server.
    public typealias Dial = @IO () async throws(NetError) -> any ByteStream

    private let dial: Dial
    private let host: String
    private let limits: HTTPLimits
    private var idle: [ClientConnection] = []

    /// A client of a server on TCP.
    public init(host: String, port: UInt16, limits: HTTPLimits = HTTPLimits()) {
        self.host = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        self.limits = limits
        dial = { () async throws(NetError) -> any ByteStream in
            try await SocketStream.connect(host: host, port: port)
        }
    }

    /// A client of a server on a Unix socket.
    public init(unixPath: String, limits: HTTPLimits = HTTPLimits()) {
        host = "localhost"
        self.limits = limits
        dial = { () async throws(NetError) -> any ByteStream in
            try await SocketStream.connect(path: unixPath)
        }
    }

    /// A client over any stream, such as TLS; `host` goes into the Host header.
    public init(host: String, limits: HTTPLimits = HTTPLimits(), dial: @escaping Dial) {
        self.host = host
        self.limits = limits
        self.dial = dial
    }

    isolated deinit { close() }

    /// Sends a POST and waits for the whole response.
    public func post(
        _ path: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        deadline: Duration = .seconds(60)
    ) async throws(HTTPError) -> HTTPResponse {
        try await send("POST", path, headers: headers, body: body, deadline: deadline)
    }

    /// Sends a GET and waits for the whole response.
    public func get(
        _ path: String, headers: HTTPHeaders = [:], deadline: Duration = .seconds(60)
    ) async throws(HTTPError) -> HTTPResponse {
        try await send("GET", path, headers: headers, deadline: deadline)
    }

    /// Sends a request and waits for the whole response.
    public func send(
        _ method: String, _ path: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        deadline: Duration = .seconds(60)
    ) async throws(HTTPError) -> HTTPResponse {
        let end = IO.now + deadline
        let connection = try await begin(method, path, headers, body, deadline)
        let head = try await connection.responseHead(end - IO.now)
        let body = try await connection.body(end - IO.now)
        return head.with(body: body)
    }

    /// Sends a request and waits for the response's head; the body is then read piece by piece.
    public func open(
        _ method: String, _ path: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        deadline: Duration = .seconds(60)
    ) async throws(HTTPError) -> HTTPResponseStream {
        let end = IO.now + deadline
        let connection = try await begin(method, path, headers, body, deadline)
        let head = try await connection.responseHead(end - IO.now)
        return HTTPResponseStream(connection, head)
    }

    /// Closes the idle connections.
    public func close() {
        let connections = idle
        idle = []
        for connection in connections { connection.fail(.closed) }
    }

    private func begin(
        _ method: String, _ path: String, _ headers: HTTPHeaders, _ body: [UInt8],
        _ deadline: Duration
    ) async throws(HTTPError) -> ClientConnection {
        var head: [UInt8] = []
        head.reserveCapacity(256)
        head.append(contentsOf: "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n".utf8)
        headers.write(into: &head)
        if !body.isEmpty || method == "POST" || method == "PUT" {
            head.append(contentsOf: "Content-Length: \(body.count)\r\n".utf8)
        }
        head.append(literal: "\r\n")
        let connection = try await connection(deadline)
        connection.begin(head, body, isHead: method == "HEAD")
        return connection
    }

    private func connection(_ deadline: Duration) async throws(HTTPError) -> ClientConnection {
        while let connection = idle.popLast() {
            if connection.error == nil { return connection }
        }
        // `dialling` makes the connection as soon as the dial ends: bytes arriving before that
        // would be lost.
        let dialled = await IO.within(deadline) { [self] in await dialling() }
        guard let dialled else { throw .timedOut }
        return try dialled.get()
    }

    private func dialling() async -> Result<ClientConnection, HTTPError> {
        do throws(NetError) {
            let connection = ClientConnection(
                try await dial(), limits,
                onIdle: { [weak self] connection in self?.idle.append(connection) },
                onEnd: { [weak self] connection in self?.idle.removeAll { $0 === connection } })
            return .success(connection)
        } catch {
            return .failure(.unreachable(error.description))
        }
    }
}
