// Arguments of a tool that its clients repeat in headers (`x-mcp-header` in the input schema), so
// that proxies can route by them. Pure. Invariant: the rules for such an argument are checked once,
// when the tool is declared.
import JSON

/// One argument that is repeated in a header.
struct HeaderArgument: Sendable {
    /// The whole name of the header.
    let header: String
    /// Where the value is in the arguments.
    let path: [String]

    private static let key = "x-mcp-header"
    private static let types: Set<String> = ["string", "integer", "boolean"]

    /// The arguments of a tool that are repeated.
    static func all(of tool: Tool) -> [HeaderArgument] {
        let found = all(in: tool.inputSchema, at: [], of: tool.name)
        precondition(
            found.count == count(tool.inputSchema),
            "\(tool.name): x-mcp-header stands elsewhere than on a property")
        let names = Set(found.map { $0.header.lowercased() })
        precondition(names.count == found.count, "\(tool.name): a header has two arguments")
        return found
    }

    private static func all(
        in schema: JSON, at path: [String], of tool: String
    ) -> [HeaderArgument] {
        var found: [HeaderArgument] = []
        for (name, property) in schema["properties"]?.objectValue ?? [:] {
            if let mark = property[key]?.stringValue {
                precondition(
                    isToken(mark), "\(tool): x-mcp-header of \(name) must be a token (RFC 9110)")
                precondition(
                    types.contains(property["type"]?.stringValue ?? ""),
                    "\(tool): \(name) has x-mcp-header, so it is a string, integer or boolean")
                found.append(HeaderArgument(header: "Mcp-Param-\(mark)", path: path + [name]))
            }
            found += all(in: property, at: path + [name], of: tool)
        }
        return found
    }

    /// How often the mark stands anywhere in a schema.
    private static func count(_ schema: JSON) -> Int {
        switch schema {
        case .object(let members):
            members.reduce(members[key]?.stringValue == nil ? 0 : 1) { $0 + count($1.value) }
        case .array(let elements): elements.reduce(0) { $0 + count($1) }
        case .null, .bool, .int, .double, .string, .raw: 0
        }
    }

    /// Whether a text can be a part of a header's name (RFC 9110 §5.6.2).
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
