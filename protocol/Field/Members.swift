// Writing an object member by member, each by its field. Pure. Flow: a result's values → Members →
// JSON. Invariant: only declared members stand in it, none twice.
public import JSON

/// The members of an object that is being written.
public struct Members: Sendable {
    private var object: JSON.Object = [:]

    /// None yet.
    public init() {}

    /// Adds a member, unless its field leaves the value out.
    public mutating func put<Value>(_ field: Field<Value>, _ value: Value) {
        if let json = field.encode(value) { object[field.name] = json }
    }

    /// The object.
    public var json: JSON { .object(object) }

    /// Adds the members of another object.
    public mutating func add(_ more: Members) {
        for (key, value) in more.object { object[key] = value }
    }
}
