// JSON-RPC messages the server sends, as bytes. Flow: method → Envelope → transport. Invariant:
// every message is one JSON object; framing (SSE, lines) is the transport's.
import JSON

enum Envelope {
    /// A reply whose result object is appended by `body`, without building it first.
    static func result(_ id: RequestID, reserve: Int = 512, _ body: (inout [UInt8]) -> Void)
        -> [UInt8]
    {
        var output: [UInt8] = []
        output.reserveCapacity(reserve + id.text.count + 48)
        output.append("{\"jsonrpc\":\"2.0\",\"id\":")
        output.append(contentsOf: id.text)
        output.append(",\"result\":")
        body(&output)
        output.append("}")
        return output
    }

    static func result(_ id: RequestID, _ object: JSON.Object) -> [UInt8] {
        result(id) { JSON.object(object).write(into: &$0) }
    }

    /// An error reply; without an id only when the request's could not be read.
    static func error(_ id: RequestID?, _ error: MCPError, _ revision: Revision) -> [UInt8] {
        var output: [UInt8] = []
        output.append("{\"jsonrpc\":\"2.0\"")
        if let id {
            output.append(",\"id\":")
            output.append(contentsOf: id.text)
        }
        output.append(",\"error\":")
        error.json(in: revision).write(into: &output)
        output.append("}")
        return output
    }

    /// A request of the server; `request` has its method and parameters.
    static func request(_ id: RequestID, _ request: JSON.Object) -> [UInt8] {
        var message: JSON.Object = ["jsonrpc": "2.0", "id": id.json]
        for (name, value) in request { message[name] = value }
        return JSON.object(message).encoded()
    }

    static func notification(_ method: String, _ params: JSON.Object) -> [UInt8] {
        let message: JSON = [
            "jsonrpc": "2.0", "method": .string(method), "params": .object(params),
        ]
        return message.encoded()
    }
}

extension [UInt8] {
    mutating func append(_ text: String) { append(contentsOf: text.utf8) }

    /// Appends a message without the characters at which a client may end a line.
    ///
    /// Raw line breaks, which valid JSON has only between tokens, become spaces. U+0085, U+2028 and
    /// U+2029, which it has only in strings, become escapes: both framings end a message at a line
    /// break, and Python's `splitlines` and Node's `readline` take these for one.
    mutating func appendOnOneLine(_ message: [UInt8]) {
        var done = 0
        var at = 0
        func next(_ ahead: Int) -> UInt8 { at + ahead < message.count ? message[at + ahead] : 0 }
        while at < message.count {
            var (length, text) = (0, "")
            switch message[at] {
            case 0x0A, 0x0D: (length, text) = (1, " ")
            case 0xC2 where next(1) == 0x85: (length, text) = (2, "\\u0085")
            case 0xE2 where next(1) == 0x80 && next(2) == 0xA8: (length, text) = (3, "\\u2028")
            case 0xE2 where next(1) == 0x80 && next(2) == 0xA9: (length, text) = (3, "\\u2029")
            default:
                at += 1
                continue
            }
            append(contentsOf: message[done..<at])
            append(text)
            at += length
            done = at
        }
        append(contentsOf: message[done...])
    }
}
