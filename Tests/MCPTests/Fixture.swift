// The server the tests talk to: a few tools, resources and prompts that show every path.
import JSON
import Loop
import MCP

enum Fixture {
    static let ada = Principal(name: "ada", scopes: ["exec"])
    static let bob = Principal(name: "bob")

    @IO static func server(_ change: (inout MCPLimits) -> Void = { _ in }) -> MCPServer {
        var limits = MCPLimits()
        change(&limits)
        return MCPServer(
            info: Implementation(
                name: "fixture", version: "1.2", title: "Fixture", description: "For tests"),
            instructions: "Use echo.",
            tools: [echo, raw, wait, steps, fail, restricted], resources: resources,
            prompts: [greeting],
            completion: { ["\($0.value)one", "\($0.value)two"] }, limits: limits)
    }

    static let harmless = ToolAnnotations(
        readOnly: true, destructive: false, idempotent: true, openWorld: false)

    static let echo = Tool(
        name: "echo", title: "Echo", description: "Says it again.",
        inputSchema: [
            "type": "object", "required": ["text"], "additionalProperties": false,
            "properties": [
                "text": ["type": "string", "maxLength": 2000],
                "times": ["type": "integer", "minimum": 1, "maximum": 5],
                "mode": ["type": "string", "enum": ["plain", "loud"]],
                "tags": ["type": "array", "maxItems": 2, "items": ["type": "string"]],
            ],
        ],
        outputSchema: [
            "type": "object", "required": ["text"], "properties": ["text": ["type": "string"]],
        ],
        annotations: harmless, meta: ["anthropic/maxResultSizeChars": 500_000]
    ) { call in
        let text = call.arguments["text"]?.stringValue ?? ""
        return ToolResult(structured: ["text": .string(text)], text: .string(text))
    }

    /// A structured part as bytes from elsewhere, with a line break between its tokens.
    static let raw = Tool(
        name: "raw", title: "Raw", description: "Splices bytes.",
        inputSchema: ["type": "object"], annotations: harmless
    ) { call in
        guard let raw = try? RawJSON(parsing: Array("{\"a\":\n1}".utf8)) else {
            return .failure("no")
        }
        return ToolResult(
            structured: .raw(raw),
            content: [["type": "resource_link", "uri": "test://a", "name": "a"]],
            meta: ["dev.example/sent": .raw(call.rawArguments)])
    }

    /// Runs until it is cancelled.
    static let wait = Tool(
        name: "wait", title: "Wait", description: "Waits.",
        inputSchema: ["type": "object", "additionalProperties": false], annotations: harmless
    ) { call in
        call.progress?.report(1, message: "waiting")
        try? await IO.sleep(for: .seconds(60))
        return ToolResult(text: "done")
    }

    /// What Python's `splitlines` and Node's `readline` take for several lines.
    static let allLines = "done\u{2028}b\u{2029}c\u{85}d"

    /// Its reply travels on a stream of events when progress was asked for.
    static let steps = Tool(
        name: "steps", title: "Steps", description: "Reports three steps.",
        inputSchema: ["type": "object"], annotations: harmless
    ) { call in
        for step in [0.0, 50, 50] { call.progress?.report(step, total: 100, message: "at \(step)") }
        return ToolResult(text: .string(allLines))
    }

    static let fail = Tool(
        name: "fail", title: "Fail", description: "Fails.",
        inputSchema: ["type": "object"], annotations: harmless
    ) { _ in .failure("It failed: try echo.") }

    static let restricted = Tool(
        name: "restricted", title: "Restricted", description: "Needs exec.",
        inputSchema: ["type": "object"], annotations: harmless, scope: "exec"
    ) { _ in ToolResult(text: "allowed") }

    static let resources = Resources(
        templates: [
            Resource(uri: "test://items/{id}", name: "item", description: "An item")
        ],
        list: { _ in
            [Resource(uri: "test://text", name: "text", mimeType: "text/plain", size: 5)]
        },
        read: { (call) throws(Interruption) in
            let uri = call.uri
            guard uri == "test://text" else { throw .failed(.resourceNotFound(uri: uri)) }
            return Resources.Reading(
                [ResourceContents(uri: uri, mimeType: "text/plain", body: .text("hello"))],
                lifetime: .seconds(3))
        })

    static let greeting = Prompt(
        name: "greeting", title: "Greeting", description: "Greets.",
        arguments: [.init(name: "name", description: "Whom", isRequired: true)]
    ) { call in
        let text = "Greet \(call.arguments["name"] ?? "")."
        return [["role": "user", "content": ["type": "text", "text": .string(text)]]]
    }
}
