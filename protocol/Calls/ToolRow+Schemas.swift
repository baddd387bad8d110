// The schemas of a tool's arguments, in which the ways to log in form one object. Pure.
public import JSON

extension ToolRow {
    /// The JSON Schema of its arguments for models: the ways to log in form one object, `connect`.
    public var inputSchema: JSON { inputSchema(in: .all) }

    /// The same, with the arguments that a profile shows.
    public func inputSchema(in profile: ToolProfile) -> JSON {
        let joined = TargetAccess.joined(arguments, of: name)
        return .object(profile.shown(joined, of: name).schema(.listed))
    }
    /// The JSON Schema that calls are checked against: `connect`, and its members by themselves.
    public var checkedSchema: JSON {
        .object(TargetAccess.taken(arguments).schema(.checked))
    }
}
