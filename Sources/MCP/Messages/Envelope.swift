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
        var body: JSON.Object = [
            "code": .int(error.code(in: revision)), "message": .string(error.description),
        ]
        body["data"] = error.data
        JSON.object(body).write(into: &output)
        output.append("}")
        return output
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

    /// Raw line breaks become spaces: in valid JSON they occur only between tokens, and both
    /// framings end a message at one.
    mutating func appendOnOneLine(_ message: [UInt8]) {
        let start = count
        append(contentsOf: message)
        guard message.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return }
        for at in start..<count where self[at] == 0x0A || self[at] == 0x0D { self[at] = 0x20 }
    }
}
