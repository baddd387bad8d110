// The tools of a server, ready to be listed and found. Invariant: sorted by the host's order, list
// entries written once per shape.
import JSON

struct ToolTable: Sendable {
    struct Entry: Sendable {
        let tool: Tool
        let schema: ArgumentSchema
        /// The arguments that are repeated in headers.
        let headers: [HeaderArgument]
        /// The list entry for the revisions that share a shape.
        let plain, structured, full: JSON

        func listing(in revision: Revision) -> JSON {
            revision.hasIcons ? full : revision.hasStructuredContent ? structured : plain
        }
    }

    let entries: [Entry]
    private let places: [String: Int]
    /// Whether the list depends on the principal.
    let isScoped: Bool

    init(_ tools: [Tool]) {
        entries = tools.map { tool in
            precondition(Self.isName(tool.name), "tool name \(tool.name) is not allowed")
            precondition(
                tool.inputSchema["type"] == "object",
                "input schema of \(tool.name) is not an object")
            func listing(_ revision: Revision) -> JSON {
                .raw(RawJSON(tool.listing(in: revision)))
            }
            return Entry(
                tool: tool, schema: ArgumentSchema(tool.checkedSchema),
                headers: HeaderArgument.all(of: tool),
                plain: listing(.v2025_03_26), structured: listing(.v2025_06_18),
                full: listing(.newest))
        }
        places = Dictionary(
            uniqueKeysWithValues: entries.enumerated().map { ($1.tool.name, $0) })
        isScoped = tools.contains { $0.scope != nil }
    }

    subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }
}
