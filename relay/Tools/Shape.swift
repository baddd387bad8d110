// JSON Schemas, written with a few words. Pure.
import JSON
import Wire

/// Builders of JSON Schema (2020-12, the part clients read).
enum Shape {
    static func string(_ description: String) -> JSON {
        ["type": "string", "description": .string(description)]
    }

    static func choice(_ options: [String], _ description: String) -> JSON {
        [
            "type": "string", "enum": .array(options.map { .string($0) }),
            "description": .string(description),
        ]
    }

    static func integer(_ range: ClosedRange<Int>? = nil, _ description: String) -> JSON {
        var object: JSON.Object = ["type": "integer", "description": .string(description)]
        if let range {
            // A limit that every number keeps is left out.
            if range.lowerBound > Contract.integers.lowerBound {
                object["minimum"] = .integer(range.lowerBound)
            }
            if range.upperBound < Contract.integers.upperBound {
                object["maximum"] = .integer(range.upperBound)
            }
        }
        return .object(object)
    }

    static func number(_ range: ClosedRange<Int>, _ description: String) -> JSON {
        [
            "type": "number", "minimum": .int(Int64(range.lowerBound)),
            "maximum": .int(Int64(range.upperBound)), "description": .string(description),
        ]
    }

    static func flag(_ description: String) -> JSON {
        ["type": "boolean", "description": .string(description)]
    }

    static func list(of items: JSON, _ description: String) -> JSON {
        ["type": "array", "items": items, "description": .string(description)]
    }

    static func nullable(_ type: String, _ description: String) -> JSON {
        ["type": [.string(type), "null"], "description": .string(description)]
    }

    /// An input: unknown arguments are refused.
    static func input(_ required: [String], _ properties: JSON.Object) -> JSON {
        var object: JSON.Object = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { object["required"] = .array(required.map { .string($0) }) }
        object["additionalProperties"] = false
        return .object(object)
    }

    /// A result: more may be added later.
    static func output(_ required: [String], _ properties: JSON.Object) -> JSON {
        [
            "type": "object", "properties": .object(properties),
            "required": .array(required.map { .string($0) }),
        ]
    }
}
