// What a call's arguments mean, before they are checked: clients and models send values in forms
// that are not the schema's. Flow: bytes → Arguments → ArgumentSchema.problem → the tool.
// Invariant: a value is changed only if the schema leaves it one meaning; what might mean something
// else stays as it was sent, and is refused.
import JSON

/// The arguments of one call, as its tool is given them.
struct Arguments: Sendable {
    /// What was meant by them.
    var object: JSON.Object
    /// The same as bytes: those that were sent, unless they had to be changed.
    var raw: RawJSON
    /// Names that the tool does not have, and that were left out.
    var ignored: [String] = []

    /// Reads `params.arguments`; throws if it is not an object.
    init(_ sent: RawJSON?, _ schema: ArgumentSchema) throws(MCPError) {
        let value = sent.map { try? $0.parsed(limits: .message) } ?? .null
        guard let value,
            let object = ArgumentSchema.object.fitted(value.isNull ? [:] : value).objectValue
        else { throw .invalidParams("params.arguments must be an object") }
        let fitted = schema.fitted(object)
        self.object = fitted
        (self.object, ignored) = schema.separated(fitted)
        // Bytes that say the same are passed on as they came.
        let isUnchanged = value.isExactly(.object(self.object))
        raw = sent.flatMap { isUnchanged ? $0 : nil } ?? RawJSON(.object(self.object))
    }
}

extension ArgumentSchema {
    /// The schema of any object.
    static let object = ArgumentSchema(["type": "object"])

    /// Names that clients add to the arguments of every call, for themselves: n8n, Cline.
    ///
    /// They say nothing about the call, even where they resemble an argument of the tool.
    private static let clientNames: Set<String> = [
        "action", "chatInput", "sessionId", "task_progress", "tool", "toolCallId",
    ]

    /// The most unknown names that are compared with the known ones: a client adds a handful.
    private static let unknownLimit = 20

    /// The value that is meant; one that fits already, or that has no certain meaning, as it is.
    func fitted(_ value: JSON) -> JSON {
        switch converted(value) {
        case .object(let object): .object(fitted(object))
        case .array(let elements): .array(elements.map { items?.fitted($0) ?? $0 })
        case let other: other
        }
    }

    /// The same for the members of an object; a member that is null, and may not be, is absent.
    func fitted(_ object: JSON.Object) -> JSON.Object {
        guard !properties.isEmpty else { return object }
        return JSON.Object(
            unique: object.compactMap { name, value in
                guard let schema = self[name] else { return (name, value) }
                let fitted = schema.fitted(value)
                return fitted.isNull && !schema.admits(.null) ? nil : (name, fitted)
            })
    }

    /// Takes out the members that the schema does not have, except for those that are probably
    /// misspelt: these are refused later.
    func separated(_ object: JSON.Object) -> (known: JSON.Object, ignored: [String]) {
        guard isClosed else { return (object, []) }
        let unknown = object.keys.filter { self[$0] == nil }
        // No client adds more names than that: the call is refused, and the first name is shown.
        guard unknown.count <= Self.unknownLimit else { return (object, []) }
        let ignored = unknown.filter { name in
            guard let near = nearest(to: name) else { return true }
            // A missing argument that must be there is better explained by the name at hand.
            return Self.clientNames.contains(name)
                && (object[near] != nil || !required.contains(near))
        }
        // A call that fails for another reason names what it has beside.
        guard !ignored.isEmpty, required.allSatisfy({ object[$0] != nil }) else {
            return (object, [])
        }
        let known = object.filter { !ignored.contains($0.key) }
        return (JSON.Object(unique: Array(known)), ignored)
    }

    private subscript(name: String) -> ArgumentSchema? {
        properties.first { $0.name == name }?.schema
    }

    private func admits(_ value: JSON) -> Bool {
        types.isEmpty || types.contains(where: value.has(type:))
    }

    /// One value without its members: a text that can only be the JSON of another type is that, a
    /// whole number is an integer, and the empty array that PHP writes for an empty object is one.
    private func converted(_ value: JSON) -> JSON {
        guard !types.isEmpty else { return value }
        switch value {
        case .string(let text) where !types.contains("string"):
            guard let meant = Self.value(of: text), meant.isNull || admits(meant) else {
                return value
            }
            return converted(meant)
        case .double where types.contains("integer") && !types.contains("number"):
            return value.intValue.map { .int($0) } ?? value
        case .array(let elements) where elements.isEmpty && !types.contains("array"):
            return types.contains("object") ? [:] : value
        default: return value
        }
    }

    /// The value that a text is exactly the JSON of, or Python's word for a truth value.
    private static func value(of text: String) -> JSON? {
        switch text {
        case "True": true
        case "False": false
        case _ where text.first?.isWhitespace != false || text.last?.isWhitespace != false: nil
        default: try? JSON(parsing: Array(text.utf8), limits: .message)
        }
    }
}

extension JSON {
    /// Equality of type, too: `1.0` is not `1`, and a null member is not an absent one.
    fileprivate func isExactly(_ other: JSON) -> Bool {
        switch (self, other) {
        case (.double, .int), (.int, .double): false
        case (.array(let one), .array(let other)):
            one.count == other.count && zip(one, other).allSatisfy { $0.isExactly($1) }
        case (.object(let one), .object(let other)):
            one.count == other.count
                && zip(one, other).allSatisfy { $0.key == $1.key && $0.value.isExactly($1.value) }
        default: self == other
        }
    }
}
