// Writing an object member by member, each by its field. Pure. Flow: a result's values → Members →
// JSON. Invariant: it contains only declared members, none twice.
public import JSON

/// The members of an object that is being written.
public struct Members: Sendable {
    private var members: [JSON.Object.Element] = []

    /// An empty object.
    public init() { members.reserveCapacity(Self.usual) }

    /// Adds a member, unless its field leaves the value out.
    public mutating func put<Value>(_ field: Field<Value>, _ value: Value) {
        if let json = field.encode(value) { members.append((field.name, json)) }
    }

    /// The object.
    public var json: JSON { .object(JSON.Object(unique: members)) }

    /// The number of members to reserve room for at the start: most results have no more.
    private static let usual = 16
}
