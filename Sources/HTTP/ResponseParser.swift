// The strict, incremental parser of a response head (RFC 9112 §4), for the client. Pure.

/// A response head.
struct ResponseHead: Sendable {
    var status = 0
    var fields: [HeaderField] = []
    var keepAlive = true
    var contentLength: Int?
    var isChunked = false
    var size = 0
}

/// Reads one head; keep it while bytes are added, make a new one for the next response.
struct ResponseParser {
    private(set) var head = ResponseHead()
    private var next = 0

    /// Continues with the bytes from the head's start; true once the head is complete.
    mutating func parse(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(HTTPError) -> Bool {
        do throws(HTTPError) {
            return try read(bytes, limits)
        } catch {
            throw .malformedResponse
        }
    }

    private mutating func read(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(HTTPError) -> Bool
    {
        let tokens = TokenTable()
        if next == 0 {
            guard try statusLine(bytes, limits) else { return false }
        }
        while true {
            switch try bytes.headerLine(next, tokens) {
            case .more:
                guard bytes.count <= limits.headBytes else { throw .malformedResponse }
                return false
            case .field(let field, let next):
                guard head.fields.count < limits.headerCount, next <= limits.headBytes else {
                    throw .malformedResponse
                }
                self.next = next
                head.fields.append(field)
                try note(field, bytes)
            case .end(let size):
                guard !(head.isChunked && head.contentLength != nil), size <= limits.headBytes
                else {
                    throw .malformedResponse
                }
                head.size = size
                return true
            }
        }
    }

    /// Takes the status line, such as HTTP/1.1 200 OK.
    private mutating func statusLine(
        _ bytes: Span<UInt8>, _ limits: HTTPLimits
    ) throws(HTTPError) -> Bool {
        guard bytes.count >= 13 else { return false }
        guard bytes.matches(0..<7, "http/1."), bytes[7] == 0x31 || bytes[7] == 0x30,
            bytes[8] == 0x20, let status = bytes.decimal(9..<12), status >= 100
        else { throw .malformedResponse }
        head.status = status
        head.keepAlive = bytes[7] == 0x31
        var at = 12
        while at < bytes.count, isFieldByte(bytes[at]) { at += 1 }
        guard at <= limits.lineBytes else { throw .malformedResponse }
        guard at + 1 < bytes.count else { return false }
        guard bytes[at] == 0x0D, bytes[at + 1] == 0x0A, bytes[12] == 0x20 || at == 12 else {
            throw .malformedResponse
        }
        next = at + 2
        return true
    }

    private mutating func note(_ field: HeaderField, _ bytes: Span<UInt8>) throws(HTTPError) {
        let (name, value) = (field.name, field.value)
        if bytes.matches(name, "connection") {
            if bytes.lists(value, "close") { head.keepAlive = false }
            if bytes.lists(value, "keep-alive") { head.keepAlive = true }
        } else if bytes.matches(name, "content-length") {
            guard head.contentLength == nil, let length = bytes.decimal(value) else {
                throw .malformedResponse
            }
            head.contentLength = length
        } else if bytes.matches(name, "transfer-encoding") {
            guard !head.isChunked, bytes.matches(value, "chunked") else {
                throw .malformedResponse
            }
            head.isChunked = true
        }
    }
}
