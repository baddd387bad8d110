// The strict, incremental parser of an HTTP/1.1 request head (RFC 9112). Pure: bytes in, ranges
// out. Invariant: it gives the same answer however the bytes are split, and reads a complete line
// once; two readers of one accepted head cannot disagree on where the request ends.

/// A request head: ranges into its bytes and what decides the connection's next step.
struct RequestHead: Sendable {
    var method = 0..<0
    var target = 0..<0
    var fields: [HeaderField] = []
    var isHTTP10 = false
    var keepAlive = true
    var contentLength: Int?
    var isChunked = false
    var expectsContinue = false
    var size = 0

    /// Whether the method is one that the server knows, in the bytes of the head.
    func isKnownMethod(in bytes: [UInt8]) -> Bool {
        switch method.count {
        case 3: bytes.isText(method, "GET") || bytes.isText(method, "PUT")
        case 4: bytes.isText(method, "POST") || bytes.isText(method, "HEAD")
        case 5: bytes.isText(method, "PATCH")
        case 6: bytes.isText(method, "DELETE")
        case 7: bytes.isText(method, "OPTIONS")
        default: false
        }
    }
}

/// Reads one head; keep it while bytes are added, make a new one for the next request.
struct RequestParser {
    private(set) var head = RequestHead()
    private var next = 0
    private var hasRequestLine = false
    private var hasHost = false

    /// Continues with the bytes from the head's start; true once the head is complete.
    mutating func parse(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(HTTPError) -> Bool {
        let tokens = TokenTable()
        if !hasRequestLine {
            guard try requestLine(bytes, tokens, limits) else { return false }
            hasRequestLine = true
            head.fields.reserveCapacity(16)
        }
        while true {
            switch try bytes.headerLine(next, tokens) {
            case .more:
                // The last byte may be the CR of the line's end.
                guard bytes.count <= limits.headBytes, bytes.count - next <= limits.lineBytes + 1
                else { throw .refused(status: 431) }
                return false
            case .field(let field, let next):
                guard head.fields.count < limits.headerCount, next <= limits.headBytes,
                    next - self.next <= limits.lineBytes + 2
                else { throw .refused(status: 431) }
                self.next = next
                head.fields.append(field)
                try note(field, bytes)
            case .end(let size):
                guard size <= limits.headBytes else { throw .refused(status: 431) }
                head.size = size
                try complete()
                return true
            }
        }
    }

    /// Takes the request line; one empty line before it is ignored (RFC 9112 §2.2).
    private mutating func requestLine(
        _ bytes: Span<UInt8>, _ tokens: TokenTable, _ limits: HTTPLimits
    ) throws(HTTPError) -> Bool {
        var at = 0
        if bytes.count > 0, bytes[0] == 0x0D {
            guard bytes.count > 1 else { return false }
            guard bytes[1] == 0x0A else { throw .refused(status: 400) }
            at = 2
        }
        let start = at
        while at < bytes.count, tokens.contains(bytes[at]) { at += 1 }
        guard at < bytes.count else {
            guard at - start <= 32 else { throw .refused(status: 400) }
            return false
        }
        guard at > start, bytes[at] == 0x20 else { throw .refused(status: 400) }
        head.method = start..<at
        at += 1
        let target = at
        while at < bytes.count, isVisible(bytes[at]) { at += 1 }
        guard at - target <= limits.lineBytes else { throw .refused(status: 414) }
        guard at < bytes.count else { return false }
        guard at > target, bytes[at] == 0x20 else { throw .refused(status: 400) }
        head.target = target..<at
        try checkTarget(bytes)
        at += 1
        return try version(bytes, at)
    }

    private mutating func version(_ bytes: Span<UInt8>, _ start: Int) throws(HTTPError) -> Bool {
        let expected: StaticString = "HTTP/"
        var at = start
        for offset in 0..<5 {
            guard at < bytes.count else { return false }
            guard unsafe bytes[at] == expected.utf8Start[offset] else {
                throw .refused(status: 400)
            }
            at += 1
        }
        guard bytes.count - at >= 3 else { return false }
        guard bytes[at] &- 0x30 < 10, bytes[at + 1] == 0x2E, bytes[at + 2] &- 0x30 < 10 else {
            throw .refused(status: 400)
        }
        guard bytes[at] == 0x31, bytes[at + 2] <= 0x31 else { throw .refused(status: 505) }
        head.isHTTP10 = bytes[at + 2] == 0x30
        head.keepAlive = !head.isHTTP10
        at += 3
        for offset in 0..<2 {
            guard at < bytes.count else { return false }
            guard bytes[at] == (offset == 0 ? 0x0D : 0x0A) else { throw .refused(status: 400) }
            at += 1
        }
        next = at
        return true
    }

    /// Origin form, absolute form, or `*` for OPTIONS; no fragment.
    private func checkTarget(_ bytes: Span<UInt8>) throws(HTTPError) {
        let target = head.target
        for at in target where bytes[at] == 0x23 { throw .refused(status: 400) }
        switch bytes[target.lowerBound] {
        case 0x2F: return
        case 0x2A where target.count == 1 && bytes.matches(head.method, "options"): return
        case 0x48, 0x68:
            let start = target.lowerBound
            if target.count > 7, bytes.matches(start..<(start + 7), "http://") { return }
            if target.count > 8, bytes.matches(start..<(start + 8), "https://") { return }
        default: break
        }
        // CONNECT's authority form gets its 405 from the server; here it only has to be
        // well-formed.
        guard bytes.matches(head.method, "connect") else { throw .refused(status: 400) }
    }

    /// Reads the few fields that frame the message or control the connection.
    @inline(__always)
    private mutating func note(_ field: HeaderField, _ bytes: Span<UInt8>) throws(HTTPError) {
        let (name, value) = (field.name, field.value)
        switch name.count {
        case 4 where bytes.matches(name, "host"):
            guard !hasHost else { throw .refused(status: 400) }
            hasHost = true
        case 6 where bytes.matches(name, "expect"):
            guard bytes.matches(value, "100-continue") else { throw .refused(status: 417) }
            head.expectsContinue = true
        case 10 where bytes.matches(name, "connection"):
            if bytes.lists(value, "close") {
                head.keepAlive = false
            } else if head.isHTTP10, bytes.lists(value, "keep-alive") {
                head.keepAlive = true
            }
        case 14 where bytes.matches(name, "content-length"):
            guard head.contentLength == nil, let length = bytes.decimal(value) else {
                throw .refused(status: 400)
            }
            head.contentLength = length
        case 17 where bytes.matches(name, "transfer-encoding"):
            guard !head.isChunked, !head.isHTTP10 else { throw .refused(status: 400) }
            guard bytes.matches(value, "chunked") else { throw .refused(status: 501) }
            head.isChunked = true
        default: break
        }
    }

    private func complete() throws(HTTPError) {
        guard hasHost || head.isHTTP10 else { throw .refused(status: 400) }
        guard !(head.isChunked && head.contentLength != nil) else { throw .refused(status: 400) }
    }
}
