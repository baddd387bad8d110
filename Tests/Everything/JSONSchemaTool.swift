// A tool whose input schema uses the keywords of JSON Schema 2020-12 that a server must pass on
// unchanged: definitions, anchors, composition and conditions.
import JSON
import MCP

enum JSONSchemaTool {
    static let tool = Tool.fixture(
        "json_schema_2020_12_tool", "Has a schema with many keywords.", schema: schema
    ) { call in
        ToolResult(text: .string("Arguments: \(JSON.object(call.arguments))"))
    }

    private static let schema: JSON = [
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": [
            "address": [
                "$anchor": "addressDef",
                "type": "object",
                "properties": ["street": ["type": "string"], "city": ["type": "string"]],
            ]
        ],
        "properties": [
            "name": ["type": "string"],
            "address": ["$ref": "#/$defs/address"],
            "contactMethod": ["type": "string", "enum": ["phone", "email"]],
            "phone": ["type": "string"],
            "email": ["type": "string"],
        ],
        "allOf": [["anyOf": [["required": ["phone"]], ["required": ["email"]]]]],
        "if": [
            "properties": ["contactMethod": ["const": "phone"]], "required": ["contactMethod"],
        ],
        "then": ["required": ["phone"]],
        "else": ["required": ["email"]],
        "additionalProperties": false,
    ]
}
