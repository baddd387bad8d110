// What a person or a model reads of a tool's result: its first text block. Flow: a handler's
// structured result → AnswerText → ToolResult.text. Pure, but for where it runs.
// Invariant: output of hosts stands in it as it is in the structured result, which agents have
// cleaned; what the next call needs is in it; the last line is ours.
import JSON
import Loop
import MCP
import Wire

/// Makes the text of one tool's results.
struct AnswerText: Sendable {
    let row: ToolRow
    /// The tools that the client sees: the text names no other as the next call.
    var profile = ToolProfile.all

    /// The most bytes of a text: fewer than the 150,000 characters that clients show of a result.
    private static let limit = 120_000

    /// The result with its text; a long one is made beside the loop.
    @IO func given(to result: ToolResult) async -> ToolResult {
        guard !result.isError, result.text == .structured, let structured = result.structured
        else { return result }
        var result = result
        result.text = await Blocking.run(ifLong: structured.sizeOfRaw) {
            text(of: structured).map { .string($0) } ?? .structured
        }
        return result
    }

    /// The text of a structured result; nil: it has more values than any that is to be read.
    func text(of structured: JSON) -> String? {
        guard let members = structured.opened.objectValue else { return nil }
        let text =
            switch row.form {
            case .members: MembersText(row.result).text(of: members)
            case .opened: OpenedText(members).text
            case .session: SessionText(members, profile).text
            case .run: RunText.text(of: members)
            case .report: ReportText(members).text
            case .content: ContentText(members).text
            case .difference: DifferenceText(members).text
            case .text: members["report"]?.stringValue ?? ""
            }
        return Self.cut(text.isEmpty ? "[nothing]" : text)
    }

    /// The text within the limit: its beginning, and its last lines, which say what to do next.
    private static func cut(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.count > limit else { return text }
        let end = bytes.suffix(limit / 4)
        let head = bytes.prefix(limit - end.count)
        let left = bytes.count - head.count - end.count
        return String(decoding: head, as: UTF8.self)
            + "\n[... \(left) bytes left out of this text; ask for less, or read on by offset ...]\n"
            + String(decoding: end, as: UTF8.self)
    }
}

extension JSONLimits {
    /// The most values of a result that is made into text: twice those of the longest list, which
    /// has 1,000 targets.
    fileprivate static let shown = JSONLimits(values: 20_000)
}

extension JSON {
    /// The value itself, where it is spliced in.
    var opened: JSON {
        guard case .raw(let raw) = self else { return self }
        return (try? raw.parsed(limits: .shown)) ?? .null
    }

    /// The bytes of what is spliced into it: most of a long one.
    fileprivate var sizeOfRaw: Int {
        switch self {
        case .raw(let raw): raw.bytes.count
        case .array(let all): all.reduce(0) { $0 + $1.sizeOfRaw }
        case .object(let members): members.reduce(0) { $0 + $1.value.sizeOfRaw }
        case .string(let text): text.utf8.count
        case .null, .bool, .int, .double: 0
        }
    }
}
