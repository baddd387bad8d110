// The client's side of an event stream (WHATWG HTML §9.2.6). Pure: bytes in, however they are
// split; events out. Invariant: the bytes held of an unfinished event are capped.

/// Reads server-sent events from a body's pieces.
public struct SSEParser {
    private var line: [UInt8] = []
    private var event = SSEEvent(data: [])
    private var hasData = false
    private var skipLF = false
    private let limit: Int

    /// A parser that holds at most `limit` bytes of one event.
    public init(limit: Int = 16 << 20) { self.limit = limit }

    /// The events that `bytes` complete.
    public mutating func feed(_ bytes: [UInt8]) throws(HTTPError) -> [SSEEvent] {
        var events: [SSEEvent] = []
        for byte in bytes {
            if byte == 0x0A, skipLF {
                skipLF = false
                continue
            }
            skipLF = byte == 0x0D
            guard byte == 0x0A || byte == 0x0D else {
                guard line.count + event.data.count < limit else { throw .tooLarge }
                line.append(byte)
                continue
            }
            if line.isEmpty {
                if hasData { events.append(event) }
                event = SSEEvent(data: [])
                hasData = false
            } else {
                take()
                line.removeAll(keepingCapacity: true)
            }
        }
        return events
    }

    private mutating func take() {
        let colon = line.firstIndex(of: 0x3A) ?? line.count
        var start = min(colon + 1, line.count)
        if start < line.count, line[start] == 0x20 { start += 1 }
        let value = line[start...]
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if hasData { event.data.append(0x0A) }
            hasData = true
            event.data.append(contentsOf: value)
        case "event": event.event = String(decoding: value, as: UTF8.self)
        case "id": event.id = String(decoding: value, as: UTF8.self)
        case "retry": event.retry = Int(String(decoding: value, as: UTF8.self))
        default: break
        }
    }
}
