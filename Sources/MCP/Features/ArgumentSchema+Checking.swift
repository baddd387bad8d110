// Checking values against a compiled schema. Invariant: every problem names the argument, so that
// a model can correct its call.
import JSON

extension ArgumentSchema {
    func check(_ object: JSON.Object, _ path: String, _ problems: inout Problems) {
        for name in required where object[name] == nil {
            problems.add("missing argument \(quoted(path + name))")
        }
        for (name, value) in object {
            if problems.isFull { return }
            if let property = properties.first(where: { $0.name == name }) {
                property.schema.check(value, path + name, &problems)
            } else if isClosed {
                problems.add("unknown argument \(quoted(path + name))\(hint(for: name))")
            }
        }
    }

    private func check(_ value: JSON, _ path: String, _ problems: inout Problems) {
        if problems.isFull { return }
        // Built only for a problem, as most arguments have none.
        func add(_ problem: String) { problems.add("argument \(quoted(path)) \(problem)") }
        guard types.isEmpty || types.contains(where: value.has(type:)) else {
            let wanted = types.map(Self.article).joined(separator: " or ")
            return add("must be \(wanted), not \(Self.article(value.typeName))")
        }
        if let choices, !choices.contains(value) {
            let list = choices.map(\.description).joined(separator: ", ")
            return add("must be one of \(list)")
        }
        switch value {
        case .int, .double: checkNumber(value, path, &problems)
        case .string(let text):
            // Bytes bound characters from above, so counting is seldom needed.
            if text.utf8.count > length.upperBound || length.lowerBound > 0,
                !length.contains(text.unicodeScalars.count)
            {
                add("must have \(Self.text(length)) characters")
            }
        case .array(let elements):
            guard itemCount.contains(elements.count) else {
                return add("must have \(Self.text(itemCount)) items")
            }
            guard let items else { return }
            for (at, element) in elements.enumerated() {
                items.check(element, "\(path)[\(at)]", &problems)
            }
        case .object(let object): check(object, path + ".", &problems)
        default: break
        }
    }

    private func checkNumber(_ value: JSON, _ path: String, _ problems: inout Problems) {
        guard let number = value.doubleValue else { return }
        func add(_ problem: String) { problems.add("argument \(quoted(path)) \(problem)") }
        if let minimum, number < minimum {
            add("must be at least \(Self.text(minimum))")
        } else if let maximum, number > maximum {
            add("must be at most \(Self.text(maximum))")
        }
    }

    /// The nearest known name, or all of them.
    private func hint(for name: String) -> String {
        if properties.isEmpty { return ": it takes none" }
        if let near = nearest(to: name) { return " (did you mean \(quoted(near))?)" }
        return ": allowed are \(properties.map(\.name).joined(separator: ", "))"
    }

    private static func article(_ type: String) -> String {
        switch type {
        case "integer", "array", "object": "an \(type)"
        case "null": "null"
        default: "a \(type)"
        }
    }

    private static func text(_ number: Double) -> String {
        Int64(exactly: number).map(String.init) ?? String(number)
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        if range.upperBound == .max { return "at least \(range.lowerBound)" }
        if range.lowerBound == 0 { return "at most \(range.upperBound)" }
        return "\(range.lowerBound) to \(range.upperBound)"
    }
}

extension JSON {
    fileprivate var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .int, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object, .raw: "object"
        }
    }

    func has(type: String) -> Bool {
        type == "integer" ? intValue != nil : type == typeName
    }
}
