// A tool as the host declares it. Flow: host → MCPServer(tools:) → ToolTable. Invariant: the name
// and the input schema's shape are checked once, when the server is made.
public import JSON
import Loop

/// Hints about what a tool does; all four are always stated, as their defaults claim the worst.
public struct ToolAnnotations: Sendable, Equatable {
    /// The tool changes nothing.
    public var readOnly: Bool
    /// The tool may destroy something.
    public var destructive: Bool
    /// Calling it again with the same arguments has no further effect.
    public var idempotent: Bool
    /// The tool reaches beyond a closed world.
    public var openWorld: Bool

    /// States all four hints.
    public init(readOnly: Bool, destructive: Bool, idempotent: Bool, openWorld: Bool) {
        self.readOnly = readOnly
        self.destructive = destructive
        self.idempotent = idempotent
        self.openWorld = openWorld
    }
}

/// A function that a client's model may call.
public struct Tool: Sendable {
    /// Runs a call; it returns failures as results, throws to ask the client or to fail the
    /// request, and is cancelled when nobody waits any longer.
    public typealias Handler =
        @IO @Sendable (ToolCall) async throws(Interruption) -> ToolResult

    /// The name: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    public var name: String
    /// The name for people.
    public var title: String
    /// What it does, for the model.
    public var description: String
    /// JSON Schema of the arguments, an object, as the list of tools has it.
    public var inputSchema: JSON
    /// JSON Schema that calls are checked against: `inputSchema`, unless the tool takes more.
    public var checkedSchema: JSON
    /// JSON Schema of the structured result, an object.
    public var outputSchema: JSON?
    /// The four hints.
    public var annotations: ToolAnnotations
    /// The scope a principal needs to see and call it; `nil` for everyone.
    public var scope: String?
    /// Icons, as the specification's `Icon` objects.
    public var icons: [JSON]
    /// `_meta` of its list entry.
    public var meta: JSON.Object
    /// Runs a call.
    public var handler: Handler

    /// Declares a tool.
    public init(
        name: String, title: String, description: String, inputSchema: JSON,
        checkedSchema: JSON? = nil, outputSchema: JSON? = nil, annotations: ToolAnnotations,
        scope: String? = nil, icons: [JSON] = [], meta: JSON.Object = [:],
        handler: @escaping Handler
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.inputSchema = inputSchema
        self.checkedSchema = checkedSchema ?? inputSchema
        self.outputSchema = outputSchema
        self.annotations = annotations
        self.scope = scope
        self.icons = icons
        self.meta = meta
        self.handler = handler
    }

    /// The entry of tools/list.
    func listing(in revision: Revision) -> JSON {
        var hints: JSON.Object = [
            "readOnlyHint": .bool(annotations.readOnly),
            "destructiveHint": .bool(annotations.destructive),
            "idempotentHint": .bool(annotations.idempotent),
            "openWorldHint": .bool(annotations.openWorld),
        ]
        if revision < .v2025_06_18 { hints["title"] = .string(title) }
        var entry: JSON.Object = [
            "name": .string(name), "description": .string(description),
            "inputSchema": inputSchema, "annotations": .object(hints),
        ]
        if revision.hasStructuredContent {
            entry["title"] = .string(title)
            entry["outputSchema"] = outputSchema
            if !meta.isEmpty { entry["_meta"] = .object(meta) }
        }
        if revision.hasIcons, !icons.isEmpty { entry["icons"] = .array(icons) }
        return .object(entry)
    }
}
