// One response being received: bytes → head → pieces of the body. Pure: the connection feeds it and
// takes what is ready. Invariant: it never takes a byte beyond its response's end.

struct ResponseReader {
    /// The head, once it is complete.
    private(set) var head: HTTPResponse?
    /// Body bytes that have not been taken yet.
    private(set) var ready: [UInt8] = []
    /// Whether the whole body has been received.
    private(set) var isComplete = false

    private let isHead: Bool
    private let limits: HTTPLimits
    private var input: [UInt8] = []
    private var parser = ResponseParser()
    private var body = Body.untilClose
    private var keepAlive = true

    /// How the body's end is found.
    private enum Body {
        case length(missing: Int)
        case chunks(ChunkedDecoder)
        case untilClose
    }

    /// Reads the response to a HEAD request, which has no body, or to another request.
    init(isHead: Bool, _ limits: HTTPLimits) {
        self.isHead = isHead
        self.limits = limits
    }

    /// Whether another response may follow on the same connection.
    var leavesConnectionUsable: Bool { isComplete && keepAlive && input.isEmpty }

    /// Takes received bytes.
    mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) {
        unsafe input.append(contentsOf: bytes)
        if head == nil { try takeHead() }
        if head != nil { try takeBody() }
    }

    /// The peer has closed the connection properly, which may be the end of the body.
    mutating func close() {
        if head != nil, case .untilClose = body { isComplete = true }
    }

    /// The body bytes that are ready.
    mutating func take() -> [UInt8] {
        defer { ready = [] }
        return ready
    }

    private mutating func takeHead() throws(HTTPError) {
        while true {
            let bytes = input
            guard try parser.parse(bytes.span, limits) else { return }
            let found = parser.head
            parser = ResponseParser()
            input.removeFirst(found.size)
            // 100 Continue and similar heads are followed by the real one.
            if found.status < 200, found.status != 101 { continue }
            keepAlive = found.keepAlive
            if isHead || found.status == 204 || found.status == 304 {
                body = .length(missing: 0)
            } else if found.isChunked {
                body = .chunks(ChunkedDecoder(limits))
            } else if let length = found.contentLength {
                body = .length(missing: length)
            } else {
                keepAlive = false
            }
            head = HTTPResponse(found, Array(bytes[..<found.size]), body: [])
            return
        }
    }

    private mutating func takeBody() throws(HTTPError) {
        switch body {
        case .length(let missing):
            let taken = min(missing, input.count)
            ready.append(contentsOf: input[..<taken])
            input.removeFirst(taken)
            body = .length(missing: missing - taken)
            isComplete = taken == missing
        case .chunks(var decoder):
            let bytes = input
            let taken = try decoder.decode(bytes.span, into: &ready)
            body = .chunks(decoder)
            input.removeFirst(taken)
            isComplete = decoder.isDone
        case .untilClose:
            ready.append(contentsOf: input)
            input = []
        }
    }
}
