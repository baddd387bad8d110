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
        let value =
            isEncodable
            ? try HeaderText.read(header, of: request) : try HeaderText.plain(header, of: request)
        guard let value else { throw .headerMismatch("\(header) is missing") }
        guard value == expected else {
            throw .headerMismatch(
                "\(header) \(quoted(value)) differs from \(quoted(expected)) in the body")
        }
    }
}
