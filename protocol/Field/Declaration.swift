// One argument of a call or one member of a result, as schemas and tables show it. Pure.
// Where it stands: made by a `Field`, listed by a `MethodRow`.
public import JSON

/// The declaration of an argument or a member.
public struct Declaration: Sendable {
    /// Whether it must be present.
    public enum Need: Sendable {
        /// It is always present.
        case required
        /// It may be absent.
        case optional
        /// It may be absent, and then counts as this value.
        case standard(JSON)
    }

    /// Its name.
    public let name: String
    /// The kind of its value.
    public let kind: Kind
    /// Whether it must be present.
    public let need: Need
    /// One plain sentence for models and people.
    public let sentence: String

    /// Whether it is always present.
    public var isRequired: Bool {
        switch need {
        case .required: true
        case .optional, .standard: false
        }
    }

    /// The value it counts as when it is absent; nil if there is none.
    public var standard: JSON? {
        switch need {
        case .required, .optional: nil
        case .standard(let value): value
        }
    }

    /// The sentence with the default value at its end.
    public var description: String {
        guard let standard, !sentence.isEmpty else { return sentence }
        switch standard {
        case .string(""), .array([]), .raw: return sentence
        case .string(let text): return "\(sentence) Default \(text)."
        default: return "\(sentence) Default \(standard)."
        }
    }

    func schema(_ form: SchemaForm) -> JSON {
        var schema = kind.schema(form)
        if form.hasSentences, !description.isEmpty {
            schema["description"] = .string(description)
        }
        return .object(schema)
    }
}

extension [Declaration] {
    /// The JSON Schema of an object with these members.
    func schema(_ form: SchemaForm) -> JSON.Object {
        var schema: JSON.Object = [
            "type": "object",
            "properties": .object(
                JSON.Object(
                    filter { form.hasOptionalMembers || $0.isRequired }.map {
                        ($0.name, $0.schema(form))
                    })),
        ]
        let required = filter(\.isRequired).map { JSON.string($0.name) }
        if form.hasOptionalMembers, !required.isEmpty { schema["required"] = .array(required) }
        if form.isClosed { schema["additionalProperties"] = false }
        return schema
    }

    /// Checks the texts of an object with these members against their limits; throws
    /// `invalid_argument`.
    ///
    /// The relay checks nothing else, as each agent does. It must check these: it compares names
    /// with patterns before an agent sees them, and the time of that grows with their length.
    public func checkTexts(of object: JSON.Object) throws(Fault) {
        for declaration in self {
            guard let value = object[declaration.name], !declaration.kind.holds(textsOf: value)
            else { continue }
            throw Fault(
                .invalidArgument, "\"\(declaration.name)\" must be \(declaration.kind.demand)")
        }
    }

    func holds(textsOf object: JSON.Object) -> Bool {
        allSatisfy { one in object[one.name].map(one.kind.holds) ?? true }
    }

    /// These declarations, with those of `more` replacing the ones of the same name or added at the
    /// end.
    func merged(with more: [Declaration]) -> [Declaration] {
        var all = self
        for declaration in more {
            if let place = all.firstIndex(where: { $0.name == declaration.name }) {
                all[place] = declaration
            } else {
                all.append(declaration)
            }
        }
        return all
    }
}

extension Declaration {
    /// The same declaration, but optional.
    var optional: Declaration {
        Declaration(name: name, kind: kind, need: isRequired ? .optional : need, sentence: sentence)
    }
}
