// The schemas of a tool's arguments, in which the ways to log in form one object. Pure.
public import JSON

extension ToolRow {
    /// The JSON Schema of its arguments for models: the ways to log in form one object, `connect`.
    public var inputSchema: JSON {
        .object(TargetAccess.joined(arguments, of: name).schema(.listed))
    }
    /// The JSON Schema that calls are checked against: `connect`, and its members by themselves.
    public var checkedSchema: JSON {
        .object(TargetAccess.taken(arguments).schema(.checked))
    }
}
