// What a client gets back: a whole response, or a head and then the body piece by piece.
public import Loop

/// A complete response.
public struct HTTPResponse: Sendable {
    /// The status code.
    public let status: Int
    /// The decoded body.
    public let body: [UInt8]
    private let bytes: [UInt8]
    private let fields: [HeaderField]

    init(_ head: ResponseHead, _ bytes: [UInt8], body: [UInt8]) {
        status = head.status
        fields = head.fields
        self.bytes = bytes
        self.body = body
    }

    private init(_ other: HTTPResponse, body: [UInt8]) {
        status = other.status
        bytes = other.bytes
        fields = other.fields
        self.body = body
    }

    func with(body: [UInt8]) -> HTTPResponse { HTTPResponse(self, body: body) }

    /// The values of a header in any case, joined by `, `; `nil` when absent.
    public func header(_ name: String) -> String? { bytes.value(of: name, in: fields) }

    /// All values of a header, one per line received.
    public func headers(_ name: String) -> [String] { bytes.values(of: name, in: fields) }
}

/// A response whose body is read as it arrives; dropping it before its end closes the connection.
@IO public final class HTTPResponseStream {
    /// Status and headers; its body is empty.
    public let head: HTTPResponse
    private let connection: ClientConnection
    private var isComplete = false

    init(_ connection: ClientConnection, _ head: HTTPResponse) {
        self.connection = connection
        self.head = head
    }

    isolated deinit { close() }

    /// The next piece of the body, or `nil` at its end.
    ///
    /// Without a deadline it waits indefinitely: an event stream may be quiet for hours.
    public func next(deadline: Duration? = nil) async throws(HTTPError) -> [UInt8]? {
        guard !isComplete else { return nil }
        let piece = try await connection.piece(deadline)
        if piece == nil { isComplete = true }
        return piece
    }

    /// Abandons the rest and closes the connection, so that the server sees its client leave.
    public func close() {
        guard !isComplete else { return }
        isComplete = true
        connection.fail(.closed)
    }
}
