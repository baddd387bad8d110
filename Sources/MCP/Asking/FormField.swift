// One field of a form that a client shows its user. Flow: handler → FormField → requestedSchema, in
// the spelling of the revision. Invariant: every schema is one that the revision allows in a form:
// flat, and only of the kinds it names.
import JSON

/// One field of a form.
public struct FormField: Sendable {
    /// What a field holds.
    public enum Kind: Sendable {
        /// Text, of a length in characters and in a format, if they are given.
        case text(length: ClosedRange<Int>? = nil, format: FormFormat? = nil, preset: String? = nil)
        /// A whole number.
        case integer(range: ClosedRange<Int64>? = nil, preset: Int64? = nil)
        /// A number.
        case number(range: ClosedRange<Double>? = nil, preset: Double? = nil)
        /// Yes or no.
        case boolean(preset: Bool? = nil)
        /// One of several values.
        ///
        /// `isNamed` writes the names of the values as `enumNames`, the spelling of 2025-06-18.
        case choice([FormChoice], preset: String? = nil, isNamed: Bool = false)
        /// Any number of several values, within `count` if it is given.
        case choices([FormChoice], count: ClosedRange<Int>? = nil, preset: [String]? = nil)
    }

    /// The name of the field in the answer.
    public var name: String
    /// The name for people.
    public var title: String?
    /// What to fill in.
    public var description: String?
    /// Whether the answer must have it.
    public var isRequired: Bool
    /// What it holds.
    public var kind: Kind

    /// Describes a field.
    public init(
        _ name: String, _ kind: Kind, title: String? = nil, description: String? = nil,
        isRequired: Bool = true
    ) {
        self.name = name
        self.kind = kind
        self.title = title
        self.description = description
        self.isRequired = isRequired
    }
}

/// The format of a text in a form.
public enum FormFormat: String, Sendable, CaseIterable {
    /// A mail address.
    case email
    /// A URI.
    case uri
    /// A day, such as 2026-01-31.
    case date
    /// A moment, such as 2026-01-31T08:15:00Z (RFC 3339).
    case dateTime = "date-time"
}

/// A value to choose.
public struct FormChoice: Sendable, Equatable, ExpressibleByStringLiteral {
    /// The value in the answer.
    public var value: String
    /// The value's name for people.
    public var title: String?

    /// A value, with a name for people.
    public init(_ value: String, title: String? = nil) {
        self.value = value
        self.title = title
    }

    /// A value without a name of its own.
    public init(stringLiteral value: String) { self.init(value) }
}

extension FormField {
    /// The schema of a form with these fields.
    static func schema(of fields: [FormField], in revision: Revision) -> JSON {
        let required = fields.filter(\.isRequired).map { JSON.string($0.name) }
        var schema: JSON.Object = [
            "type": "object",
            "properties": .object(JSON.Object(fields.map { ($0.name, $0.schema(in: revision)) })),
        ]
        if !required.isEmpty { schema["required"] = .array(required) }
        return .object(schema)
    }

    private func schema(in revision: Revision) -> JSON {
        var schema: JSON.Object = [:]
        var preset: JSON?
        switch kind {
        case .text(let length, let format, let text):
            schema["type"] = "string"
            if let length {
                schema["minLength"] = .int(Int64(length.lowerBound))
                schema["maxLength"] = .int(Int64(length.upperBound))
            }
            schema["format"] = format.map { .string($0.rawValue) }
            preset = text.map(JSON.string)
        case .integer(let range, let number):
            schema["type"] = "integer"
            schema["minimum"] = range.map { .int($0.lowerBound) }
            schema["maximum"] = range.map { .int($0.upperBound) }
            preset = number.map(JSON.int)
        case .number(let range, let number):
            schema["type"] = "number"
            schema["minimum"] = range.map { .double($0.lowerBound) }
            schema["maximum"] = range.map { .double($0.upperBound) }
            preset = number.map(JSON.double)
        case .boolean(let value):
            schema["type"] = "boolean"
            // The only kind that has a preset value in every revision.
            schema["default"] = value.map(JSON.bool)
        case .choice(let choices, let value, let isNamed):
            schema["type"] = "string"
            let isOld = isNamed || !revision.hasFullForms
            Self.spell(choices, isOld ? nil : "oneOf", in: &schema)
            preset = value.map(JSON.string)
        case .choices(let choices, let count, let values):
            guard revision.hasFullForms else { return listAsText(choices) }
            schema["type"] = "array"
            var items: JSON.Object = [:]
            if choices.allSatisfy({ $0.title == nil }) { items["type"] = "string" }
            Self.spell(choices, "anyOf", in: &items)
            schema["items"] = .object(items)
            schema["minItems"] = count.map { .int(Int64($0.lowerBound)) }
            schema["maxItems"] = count.map { .int(Int64($0.upperBound)) }
            preset = values.map { .array($0.map(JSON.string)) }
        }
        if revision.hasFullForms, let preset { schema["default"] = preset }
        schema["title"] = title.map(JSON.string)
        schema["description"] = description.map(JSON.string)
        return .object(schema)
    }

    /// Writes the values: as an enum if they have no names, or `titled` is nil.
    private static func spell(
        _ choices: [FormChoice], _ titled: String?, in schema: inout JSON.Object
    ) {
        let isTitled = choices.contains { $0.title != nil }
        if let titled, isTitled {
            schema[titled] = .array(
                choices.map {
                    ["const": .string($0.value), "title": .string($0.title ?? $0.value)]
                })
            return
        }
        schema["enum"] = .array(choices.map { .string($0.value) })
        if isTitled {
            schema["enumNames"] = .array(choices.map { .string($0.title ?? $0.value) })
        }
    }

    /// A multiple choice for clients whose forms have none: a text with commas between the values.
    private func listAsText(_ choices: [FormChoice]) -> JSON {
        let values = choices.map(\.value).joined(separator: ", ")
        let hint = "Any of \(values), with commas between them."
        var schema: JSON.Object = ["type": "string"]
        schema["title"] = title.map(JSON.string)
        schema["description"] = .string(
            [description, hint].compactMap(\.self).joined(separator: " "))
        return .object(schema)
    }
}
