// One server-sent event (WHATWG HTML §9.2) as bytes. Pure. Invariant: whatever the data holds, the
// client sees one event, and `id` and `event` cannot inject fields.

/// One event of an event stream.
public struct SSEEvent: Sendable, Equatable {
    /// The id a client sends back as `Last-Event-ID`.
    public var id: String?
    /// The event's type; clients assume `message` if absent.
    public var event: String?
    /// The payload; its lines become `data:` lines.
    public var data: [UInt8]
    /// Milliseconds the client should wait before it reconnects.
    public var retry: Int?

    /// An event with bytes as data.
    public init(id: String? = nil, event: String? = nil, data: [UInt8], retry: Int? = nil) {
        self.id = id
        self.event = event
        self.data = data
        self.retry = retry
    }

    /// A comment line, which clients ignore: keeps proxies from closing a quiet stream.
    public static let keepAlive: [UInt8] = Array(":\n\n".utf8)

    /// The event's text with the empty line that dispatches it.
    public func encoded() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(data.count + 64)
        if let event { output.append(field: "event: ", event) }
        if let id { output.append(field: "id: ", id) }
        if let retry { output.append(field: "retry: ", String(retry)) }
        var start = 0
        var at = 0
        while at < data.count {
            let byte = data[at]
            if byte == 0x0A || byte == 0x0D {
                output.append(literal: "data: ")
                output.append(contentsOf: data[start..<at])
                output.append(0x0A)
                if byte == 0x0D, at + 1 < data.count, data[at + 1] == 0x0A { at += 1 }
                start = at + 1
            }
            at += 1
        }
        output.append(literal: "data: ")
        output.append(contentsOf: data[start...])
        output.append(literal: "\n\n")
        return output
    }
}

extension [UInt8] {
    fileprivate mutating func append(field: StaticString, _ value: String) {
        append(literal: field)
        for byte in value.utf8 where byte != 0x0A && byte != 0x0D && byte != 0 { append(byte) }
        append(0x0A)
    }
}
