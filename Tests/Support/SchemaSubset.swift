// The JSON Schema that every LLM service and client reads, and whether a value fits one.
// Invariant: a keyword outside the subset is a problem, so that no schema leaves it unseen.
public import JSON

/// The subset of JSON Schema that OpenAI, Anthropic, Gemini and their gateways all take.
public enum SchemaSubset {
    private static let keywords: Set<String> = [
        "type", "description", "properties", "required", "items", "enum", "minimum", "maximum",
        "maxItems", "minItems", "maxLength", "minLength", "additionalProperties", "maxProperties",
    ]
    private static let types: Set<String> = [
        "string", "integer", "number", "boolean", "array", "object",
    ]

    /// What is wrong with a schema; with `isInput`, also what only an argument's must keep.
    public static func problems(in schema: JSON, isInput: Bool, _ path: String = "$") -> [String] {
        guard let members = schema.objectValue else { return ["\(path) is not an object"] }
        var found = members.keys.filter { !keywords.contains($0) }.map { "\(path) has \($0)" }
        let type = schema["type"]
        let names = type?.arrayValue?.compactMap(\.stringValue) ?? [type?.stringValue ?? "none"]
        // Gemini takes no list of types; of results, clients read them.
        let isNullable = !isInput && names.count == 2 && names.last == "null"
        if !types.contains(names[0]) || names.count > 1 && !isNullable {
            found.append("\(path) has the type \(type ?? .null)")
        }
        if let choices = schema["enum"]?.arrayValue {
            let isPlain = choices.allSatisfy { $0.stringValue.map { !$0.isEmpty } ?? false }
            if choices.isEmpty || !isPlain { found.append("\(path) has the choices \(choices)") }
        }
        if names[0] == "array", schema["items"] == nil { found.append("\(path) has no items") }
        let properties = schema["properties"]?.objectValue ?? [:]
        for name in schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
        where properties[name] == nil {
            found.append("\(path) requires \(name), which it does not have")
        }
        for (name, value) in properties {
            let isName = name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
            }
            if !isName || name.utf8.count > 64 { found.append("\(path) has the name \(name)") }
            found += problems(in: value, isInput: isInput, "\(path).\(name)")
        }
        if let items = schema["items"] {
            found += problems(in: items, isInput: isInput, path + "[]")
        }
        if let more = schema["additionalProperties"], more.boolValue == nil {
            found += problems(in: more, isInput: isInput, path + ".*")
        }
        return found
    }

    /// Where a value does not fit a schema of the subset.
    public static func misfits(of value: JSON, in schema: JSON, _ path: String = "$") -> [String] {
        let names = schema["type"]?.arrayValue ?? [schema["type"] ?? .null]
        guard names.contains(where: { fits(value, $0.stringValue ?? "") }) else {
            return ["\(path) is \(value), not \(names)"]
        }
        var found: [String] = []
        if let choices = schema["enum"]?.arrayValue, !value.isNull, !choices.contains(value) {
            found.append("\(path) is \(value), none of \(choices)")
        }
        if let number = value.doubleValue {
            let low = schema["minimum"]?.doubleValue ?? -.infinity
            let high = schema["maximum"]?.doubleValue ?? .infinity
            if number < low || number > high { found.append("\(path) is \(number)") }
        }
        if let elements = value.arrayValue, let items = schema["items"] {
            if elements.count > schema["maxItems"]?.intValue.map(Int.init) ?? .max {
                found.append("\(path) has \(elements.count) items")
            }
            for (at, element) in elements.enumerated() {
                found += misfits(of: element, in: items, "\(path)[\(at)]")
            }
        }
        guard let members = value.objectValue else { return found }
        for name in schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
        where members[name] == nil {
            found.append("\(path) lacks \(name)")
        }
        for (name, member) in members {
            let more = schema["additionalProperties"]
            if let known = schema["properties"]?[name] {
                found += misfits(of: member, in: known, "\(path).\(name)")
            } else if more == false {
                found.append("\(path) has \(name)")
            } else if let more, more.objectValue != nil {
                found += misfits(of: member, in: more, "\(path).\(name)")
            }
        }
        return found
    }

    private static func fits(_ value: JSON, _ type: String) -> Bool {
        switch type {
        case "string": value.stringValue != nil
        case "integer": value.intValue != nil
        case "number": value.doubleValue != nil
        case "boolean": value.boolValue != nil
        case "array": value.arrayValue != nil
        case "object": value.objectValue != nil
        default: type == "null" && value.isNull
        }
    }
}
