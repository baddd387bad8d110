// The result of a tool call. Flow: handler → ToolResult → bytes, the structured part spliced in
// unchanged. Invariant: the text block always carries a whole answer too, because some clients show
// the model only one of the two.
public import JSON

/// The result of a tool call.
public struct ToolResult: Sendable {
    /// The text block's content.
    public enum Text: Sendable, Equatable, ExpressibleByStringLiteral {
        /// Text.
        case string(String)
        /// UTF-8 bytes; what is not UTF-8 is replaced.
        case utf8([UInt8])
        /// A JSON string with its quotes and escapes, spliced in unchanged.
        case encoded(RawJSON)
        /// The structured part, written out.
        case structured
        /// No text block: the result has other content only.
        case absent

        /// A literal text.
        public init(stringLiteral value: String) { self = .string(value) }
    }

    /// The structured part: an object (`.raw` is spliced in unchanged).
    public var structured: JSON?
    /// The text block.
    public var text: Text
    /// Further content blocks, as the specification's `ContentBlock` objects.
    public var content: [JSON]
    /// Whether the call failed.
    public var isError: Bool
    /// `_meta` of the result.
    public var meta: JSON.Object
    /// What lives until the result has been written: for example what counts the result's bytes.
    private let held: (any Sendable)?
    /// The task that the call has become, instead of all of the above.
    let task: MCPTask?

    /// A result with a structured part; the text defaults to the same, written out.
    ///
    /// `held` is kept until the result has been written.
    public init(
        structured: JSON, text: Text = .structured, content: [JSON] = [], isError: Bool = false,
        meta: JSON.Object = [:], holding held: (any Sendable)? = nil
    ) {
        self.structured = structured
        self.held = held
        task = nil
        self.text = text
        self.content = content
        self.isError = isError
        self.meta = meta
    }

    /// A result with text only.
    public init(text: Text, content: [JSON] = [], isError: Bool = false) {
        self.text = text
        self.content = content
        self.isError = isError
        meta = [:]
        held = nil
        task = nil
    }

    private init(_ task: MCPTask) {
        text = .absent
        content = []
        isError = false
        meta = [:]
        held = nil
        self.task = task
    }

    /// The call goes on as a task, which exists already and can be asked for.
    ///
    /// Only for a client that has declared `ClientFeature.tasks`; the call of any other fails.
    public static func task(_ task: MCPTask) -> ToolResult { ToolResult(task) }

    /// A result with these content blocks only, as the specification's `ContentBlock` objects.
    public init(content: [JSON], isError: Bool = false) {
        self.init(text: .absent, content: content, isError: isError)
    }

    /// A failed call, with a plain sentence: what is wrong and what to do next.
    public static func failure(_ sentence: String) -> ToolResult {
        ToolResult(text: .string(sentence), isError: true)
    }
}

extension ToolResult {
    /// Says which arguments were left out, in the structured part and in the text.
    mutating func add(ignored names: [String]) {
        guard !names.isEmpty else { return }
        // A note is short, whatever a client sends.
        var shown = names.prefix(10).map { quoted($0) }
        if names.count > shown.count { shown.append("\(names.count - shown.count) more") }
        let note = "Ignored, as this tool has no such arguments: \(shown.joined(separator: ", "))."
        structured = structured?.with(member: "ignored_arguments", .string(note))
        guard structured == nil || text != .structured else { return }
        content.append(["type": "text", "text": .string(note)])
    }

    /// Appends the result object; `tail` is what the revision puts at its end.
    func write(into output: inout [UInt8], in revision: Revision, server: [UInt8]) {
        output.append("{\"content\":[")
        var isFirst = text == .absent
        if !isFirst {
            output.append("{\"type\":\"text\",\"text\":")
            writeText(into: &output)
            output.append("}")
        }
        for block in content where revision.knows(block) {
            if !isFirst { output.append(",") }
            isFirst = false
            block.write(into: &output)
        }
        output.append("]")
        if revision.hasStructuredContent, let structured {
            output.append(",\"structuredContent\":")
            structured.write(into: &output)
        }
        output.append(isError ? ",\"isError\":true" : ",\"isError\":false")
        if revision.isModern { output.append(",\"resultType\":\"complete\"") }
        if revision.isModern || !meta.isEmpty {
            output.append(",\"_meta\":{")
            if revision.isModern { output.append(contentsOf: server) }
            for (at, member) in meta.enumerated() {
                if at > 0 || revision.isModern { output.append(",") }
                JSON.write(string: member.key, into: &output)
                output.append(":")
                member.value.write(into: &output)
            }
            output.append("}")
        }
        output.append("}")
    }

    /// The approximate length of the result, to reserve its bytes once.
    var estimatedBytes: Int {
        var bytes = 512
        bytes += (structured?.rawBytes ?? 0) * 2
        switch text {
        case .string(let text): bytes += text.utf8.count * 9 / 8
        case .utf8(let text): bytes += text.count * 9 / 8
        case .encoded(let text): bytes += text.bytes.count
        case .structured, .absent: break
        }
        return bytes
    }

    private func writeText(into output: inout [UInt8]) {
        switch text {
        case .string(let text): JSON.write(string: text, into: &output)
        case .utf8(let bytes):
            JSON.write(string: String(decoding: bytes, as: UTF8.self), into: &output)
        case .encoded(let raw): output.append(contentsOf: raw.bytes)
        case .structured:
            let bytes = structured.map { RawJSON($0).bytes } ?? []
            JSON.write(string: String(decoding: bytes, as: UTF8.self), into: &output)
        case .absent: break
        }
    }
}

extension JSON {
    /// The bytes of what is spliced into a value, which is most of a long one.
    fileprivate var rawBytes: Int {
        switch self {
        case .raw(let raw): raw.bytes.count
        case .array(let all): all.reduce(0) { $0 + $1.rawBytes }
        case .object(let members): members.reduce(0) { $0 + $1.value.rawBytes }
        case .null, .bool, .int, .double, .string: 0
        }
    }
}

extension JSON {
    /// An object with one more member at its end; any other value as it is.
    fileprivate func with(member name: String, _ value: JSON) -> JSON {
        switch self {
        case .object(var object):
            object[name] = value
            return .object(object)
        case .raw(let raw):
            guard let members = try? JSON.members(of: raw.bytes) else { return self }
            return .object(
                JSON.Object(members.map { ($0.name, .raw(RawJSON($0, of: raw.bytes))) })
            ).with(member: name, value)
        case .null, .bool, .int, .double, .string, .array: return self
        }
    }
}

extension Revision {
    /// Whether this revision has the content block's type.
    fileprivate func knows(_ block: JSON) -> Bool {
        switch block["type"]?.stringValue {
        case "resource_link": self >= .v2025_06_18
        case "audio": self >= .v2025_03_26
        default: true
        }
    }
}
