// Response heads and chunk frames as bytes. Pure. Invariant: exactly one framing per response:
// Content-Length, chunked, or (towards HTTP/1.0) the end of the connection.

/// How a response marks its end.
enum ResponseFraming {
    case length(Int)
    case chunked
    case untilClose
}

extension [UInt8] {
    /// Appends a response head, including the empty line.
    mutating func append(
        status: Int, headers: HTTPHeaders, framing: ResponseFraming, keepAlive: Bool, date: [UInt8]
    ) {
        if status == 200 {
            append(literal: "HTTP/1.1 200 OK\r\n")
        } else {
            append(contentsOf: "HTTP/1.1 \(status) \(reason(of: status))\r\n".utf8)
        }
        append(contentsOf: date)
        headers.write(into: &self)
        switch framing {
        // RFC 9110 §8.6: neither 1xx nor 204 has a length.
        case .length where status < 200 || status == 204: break
        case .length(let count):
            append(literal: "Content-Length: ")
            append(contentsOf: String(count).utf8)
            append(literal: "\r\n")
        case .chunked: append(literal: "Transfer-Encoding: chunked\r\n")
        case .untilClose: break
        }
        if !keepAlive { append(literal: "Connection: close\r\n") }
        append(literal: "\r\n")
    }

    /// Appends the line before a chunk's data.
    mutating func append(chunkSize: Int) {
        append(contentsOf: String(chunkSize, radix: 16).utf8)
        append(literal: "\r\n")
    }
}
