// The headers in which a modern request repeats parts of its body, so that proxies can route
// without reading it. Invariant: a request proceeds only if every routing header is present and
// agrees with the body.
import HTTP
import JSON

enum RoutingHeaders {
    static func check(
        _ request: HTTPRequest, _ message: Message, version: String
    ) throws(MCPError) {
        try compare(request, "MCP-Protocol-Version", version)
        guard let method = message.method else { return }
        try compare(request, "Mcp-Method", method)
        guard let parameter = named[method] else { return }
        let name = message.params.value(parameter)?.stringValue
        // A body without the name is refused later, as bad parameters, if no header claims one.
        if name == nil, request.header("Mcp-Name") == nil { return }
        try compare(request, "Mcp-Name", name ?? "", isEncodable: true)
    }

    /// The parameter that `Mcp-Name` repeats.
    private static let named = [
        "tools/call": "name", "prompts/get": "name", "resources/read": "uri",
        "tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId",
    ]

    private static func compare(
        _ request: HTTPRequest, _ header: String, _ expected: String, isEncodable: Bool = false
    ) throws(MCPError) {
        let sole = request.soleHeader(header).map { [$0] } ?? []
        let values = isEncodable ? request.headers(header) : sole
        guard let value = values.first else { throw .headerMismatch("\(header) is missing") }
        guard values.allSatisfy({ $0 == value }) else {
            throw .headerMismatch("\(header) is sent twice with different values")
        }
        let plain = isEncodable ? try decoded(value, header) : value
        guard plain == expected else {
            throw .headerMismatch(
                "\(header) \(quoted(plain)) differs from \(quoted(expected)) in the body")
        }
    }

    /// The value inside `=?base64?…?=`; any other value is literal.
    private static func decoded(_ value: String, _ header: String) throws(MCPError) -> String {
        guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else {
            return value
        }
        let inner = value.utf8.dropFirst(9).dropLast(2)
        guard let bytes = base64(inner), let text = String(validating: bytes, as: UTF8.self) else {
            throw .headerMismatch("\(header) is not valid base64 of UTF-8")
        }
        return text
    }

    /// Strict base64 (RFC 4648 §4): padded, no other characters, no stray bits.
    private static func base64(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text {
            count += 1
            if byte == UInt8(ascii: "=") {
                padding += 1
                bits <<= 6
            } else {
                guard padding == 0, let value = digit(byte) else { return nil }
                bits = bits << 6 | value
            }
            guard count % 4 == 0 else { continue }
            guard padding <= 2, bits & (1 << (8 * UInt32(padding)) - 1) == 0 else { return nil }
            for shift in [16, 8, 0] as [UInt32] where shift >= 8 * UInt32(padding) {
                output.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
            bits = 0
        }
        return count % 4 == 0 ? output : nil
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
