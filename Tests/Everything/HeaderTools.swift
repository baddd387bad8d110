// Tools with arguments that their clients repeat in HTTP headers.
import JSON
import MCP

enum HeaderTools {
    static let all = [one, several]

    private static let one = Tool.fixture(
        "test_x_mcp_header", "Has an argument that is repeated in the header Mcp-Param-Region.",
        schema: [
            "type": "object", "additionalProperties": false,
            "properties": ["region": ["type": "string", "x-mcp-header": "Region"]],
        ]
    ) { call in
        ToolResult(text: .string("Region: \(call.arguments["region"]?.stringValue ?? "none")"))
    }

    private static let several = Tool.fixture(
        "test_x_mcp_headers", "Has arguments of each type that can be repeated in headers.",
        schema: [
            "type": "object", "additionalProperties": false,
            "properties": [
                "count": ["type": "integer", "x-mcp-header": "Count"],
                "dry": ["type": "boolean", "x-mcp-header": "Dry-Run"],
                "place": [
                    "type": "object",
                    "properties": ["zone": ["type": "string", "x-mcp-header": "Zone"]],
                ],
            ],
        ]
    ) { call in ToolResult(text: .string("Arguments: \(JSON.object(call.arguments))")) }
}
