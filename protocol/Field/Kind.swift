// What a value may be: the single source for what parsers check, schemas state and tables show.
// Pure. Invariant: no limit lies outside ±(2⁵³ − 1).
import JSON

/// The kinds of arguments and members of results.
public indirect enum Kind: Sendable {
    /// A string of at most this many bytes.
    case text(atMost: Int)
    /// One of these strings.
    case choice([String])
    /// True or false.
    case flag
    /// A whole number within these limits.
    case integer(ClosedRange<Int>)
    /// A number, within these limits if given.
    case number(ClosedRange<Double>?)
    /// Seconds, fractions allowed, within these limits.
    case seconds(ClosedRange<Double>)
    /// A list; nil if it may have any length.
    case list(Kind, atMost: Int?)
    /// An object whose members are strings under names that the caller chooses.
    case texts(atMost: Int)
    /// An object of known members.
    case object([Declaration])
    /// The same, or null.
    case nullable(Kind)

    /// What the message about a wrong value says it must be.
    var demand: String {
        switch self {
        case .text(let limit): "a string of at most \(limit) bytes"
        case .choice(let options): Self.alternatives(options.map { "\"\($0)\"" })
        case .flag: "true or false"
        case .integer(let range):
            range.upperBound < Contract.integers.upperBound
                ? "a whole number from \(range.lowerBound) to \(range.upperBound)"
                : "a whole number from \(range.lowerBound) on"
        case .number(let range?):
            "a number from \(Self.digits(range.lowerBound)) to \(Self.digits(range.upperBound))"
        case .number(nil): "a number"
        case .seconds(let range):
            "seconds from \(Self.digits(range.lowerBound)) to \(Self.digits(range.upperBound))"
        case .list(let kind, let limit):
            "a list" + (limit.map { " of at most \($0)" } ?? " of") + " \(kind.plural)"
        case .texts(let limit):
            "an object of at most \(limit) strings of at most \(Contract.variableBytes) bytes"
        case .object: "an object"
        case .nullable(let kind): kind.demand + " or null"
        }
    }

    private var plural: String {
        switch self {
        case .text, .choice: "strings"
        case .integer, .number, .seconds: "numbers"
        case .object, .texts: "objects"
        case .flag, .list, .nullable: "values"
        }
    }

    /// `a, b or c`.
    private static func alternatives(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }

    /// A number as people write it: `50`, `0.1`.
    static func digits(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }
}

extension Kind {
    /// Whether every text in a value is short enough; nothing else is judged.
    func holds(textsOf value: JSON) -> Bool {
        switch self {
        case .text(let limit): value.stringValue.map { $0.utf8.count <= limit } ?? true
        case .list(let kind, _): value.arrayValue?.allSatisfy(kind.holds) ?? true
        case .object(let members): members.holds(textsOf: value.objectValue ?? [:])
        case .nullable(let kind): kind.holds(textsOf: value)
        case .texts, .choice, .flag, .integer, .number, .seconds: true
        }
    }

    /// The JSON Schema of the kind.
    func schema(_ form: SchemaForm) -> JSON.Object {
        switch (form, self) {
        case (.brief, .choice): return ["type": "string"]
        case (.brief, .integer): return ["type": "integer"]
        case (.brief, .number), (.brief, .seconds): return ["type": "number"]
        case (.brief, .list(let kind, _)):
            return ["type": "array", "items": .object(kind.schema(form))]
        case (.brief, .object), (.brief, .texts): return ["type": "object"]
        case (.listed, .integer(let range)) where [0, 1].contains(range.lowerBound):
            return Kind.integer(Contract.integers.lowerBound...range.upperBound).schema(form)
        case (.listed, .list(let kind, _?)): return Kind.list(kind, atMost: nil).schema(form)
        case (.listed, .texts):
            return ["type": "object", "additionalProperties": ["type": "string"]]
        case (.brief, .text), (.brief, .flag), (.brief, .nullable), (.listed, _), (.checked, _),
            (.whole, _):
            return fullSchema(form)
        }
    }

    private func fullSchema(_ form: SchemaForm) -> JSON.Object {
        switch self {
        case .text: return ["type": "string"]
        case .choice(let options):
            return ["type": "string", "enum": .array(options.map { .string($0) })]
        case .flag: return ["type": "boolean"]
        case .integer(let range):
            var schema: JSON.Object = ["type": "integer"]
            // A limit that every number meets is left out.
            if range.lowerBound > Contract.integers.lowerBound {
                schema["minimum"] = .integer(range.lowerBound)
            }
            if range.upperBound < Contract.integers.upperBound {
                schema["maximum"] = .integer(range.upperBound)
            }
            return schema
        case .number(nil): return ["type": "number"]
        case .number(let range?), .seconds(let range):
            return [
                "type": "number", "minimum": Self.json(range.lowerBound),
                "maximum": Self.json(range.upperBound),
            ]
        case .list(let kind, let limit):
            var schema: JSON.Object = [
                "type": "array", "items": .object(kind.schema(form)),
            ]
            if let limit { schema["maxItems"] = .integer(limit) }
            return schema
        case .texts(let limit):
            return [
                "type": "object", "additionalProperties": ["type": "string"],
                "maxProperties": .integer(limit),
            ]
        case .object(let members):
            return members.schema(form)
        case .nullable(let kind):
            var schema = kind.schema(form)
            if let type = schema["type"] { schema["type"] = [type, "null"] }
            return schema
        }
    }

    private static func json(_ number: Double) -> JSON {
        Int(exactly: number).map { .integer($0) } ?? .double(number)
    }
}
