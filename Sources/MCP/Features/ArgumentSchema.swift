// The part of JSON Schema that tool arguments are checked against, compiled once per tool: type,
// properties, required, additionalProperties false, enum, const, minimum, maximum, lengths, items.
// Invariant: an unknown keyword never refuses a value.
import JSON

final class ArgumentSchema: Sendable {
    let types: [String]
    let properties: [(name: String, schema: ArgumentSchema)]
    let required: [String]
    let isClosed: Bool
    let items: ArgumentSchema?
    let itemCount: ClosedRange<Int>
    let length: ClosedRange<Int>
    let minimum, maximum: Double?
    let choices: [JSON]?

    init(_ schema: JSON) {
        switch schema["type"] {
        case .string(let type)?: types = [type]
        case .array(let all)?: types = all.compactMap(\.stringValue)
        default: types = []
        }
        properties = (schema["properties"]?.objectValue ?? [:]).map {
            ($0.key, ArgumentSchema($0.value))
        }
        required = schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
        isClosed = schema["additionalProperties"] == .bool(false)
        items = schema["items"].map { ArgumentSchema($0) }
        itemCount = Self.bounds(schema, "minItems", "maxItems")
        length = Self.bounds(schema, "minLength", "maxLength")
        minimum = schema["minimum"]?.doubleValue
        maximum = schema["maximum"]?.doubleValue
        choices = schema["enum"]?.arrayValue ?? schema["const"].map { [$0] }
    }

    private static func bounds(_ schema: JSON, _ low: String, _ high: String) -> ClosedRange<Int> {
        let low = max(0, Int(clamping: schema[low]?.intValue ?? 0))
        return low...max(low, Int(clamping: schema[high]?.intValue ?? .max))
    }

    /// The first few things wrong with a call's arguments, in plain words; `nil` if there is none.
    func problem(with arguments: JSON.Object) -> String? {
        var problems = Problems()
        check(arguments, "", &problems)
        guard !problems.found.isEmpty else { return nil }
        return problems.found.joined(separator: "; ")
    }
}

/// The problems found so far, capped so that a hostile call cannot cause a long answer.
struct Problems {
    private(set) var found: [String] = []
    var isFull: Bool { found.count >= 5 }

    mutating func add(_ problem: String) {
        if !isFull { found.append(problem) }
    }
}
