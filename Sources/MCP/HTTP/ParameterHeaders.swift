// The headers in which a call repeats some of its arguments. Invariant: a call proceeds only if
// each such header is there exactly when the body has a value for it, and says the same.
import HTTP
import JSON
import Loop

enum ParameterHeaders {
    static func check(
        _ request: HTTPRequest, _ message: Message, _ tools: ToolTable
    ) async throws(MCPError) {
        guard message.method == "tools/call", let name = message.params.value("name")?.stringValue,
            let headers = tools[name]?.headers, !headers.isEmpty
        else { return }
        let raw = message.params.raw("arguments")
        let arguments = await Blocking.run(ifLong: raw?.bytes.count ?? 0) {
            raw.flatMap { try? $0.parsed(limits: .message) } ?? .null
        }
        for one in headers {
            let text = try HeaderText.read(one.header, of: request)
            let value = one.path.reduce(arguments as JSON?) { $0?[$1] }
            // Null counts as absent.
            try compare(one, value?.isNull == false ? value : JSON?.none, text)
        }
    }

    private static func compare(
        _ one: HeaderArgument, _ value: JSON?, _ text: String?
    ) throws(MCPError) {
        let path = one.path.joined(separator: ".")
        switch (value, text) {
        case (nil, nil): return
        case (nil, _?):
            throw .headerMismatch(
                "\(one.header) is sent, but the body has no argument \(quoted(path))")
        case (_?, nil):
            throw .headerMismatch(
                "\(one.header) is missing: it repeats the argument \(quoted(path))")
        case (let value?, let text?):
            guard isSame(value, text) else {
                throw .headerMismatch(
                    "\(one.header) \(quoted(text)) differs from the argument \(quoted(path))")
            }
        }
    }

    /// Whether a header says what the argument is; whole numbers are compared as numbers.
    private static func isSame(_ value: JSON, _ text: String) -> Bool {
        switch value {
        case .string(let string): string == text
        case .bool(let flag): text == (flag ? "true" : "false")
        case .int, .double: value.intValue != nil && value.intValue == number(text)
        case .null, .array, .object, .raw: false
        }
    }

    /// The whole number that a text is the JSON of; beyond 2^53 clients do not agree on its value.
    private static func number(_ text: String) -> Int64? {
        guard let whole = (try? JSON(parsing: text))?.intValue,
            whole.magnitude < 1 << 53
        else { return nil }
        return whole
    }
}
