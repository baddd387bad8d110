// file_diff: reads two files at their agents, which judge each as they judge file_read, and
// compares them here. Invariant: a file that does not fit is refused, never compared in part.
import Crypto
import Difference
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// Compares two files, or a file and a text.
    func compareFiles(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let wanted = try CompareFiles(Fields(object: call.arguments))
        let old = try await content(of: wanted.old, for: call)
        let (new, name): (AgentAnswer?, String)
        switch wanted.new {
        case .file(let side): (new, name) = (try await content(of: side, for: call), side.name)
        case .text: (new, name) = (nil, "the text that was given")
        }
        let (oldBytes, newBytes) = (old.result.bytes, new?.result.bytes)
        let outcome = await Blocking.run { () -> Result<FilesCompared, Fault> in
            do throws(Fault) {
                let before = try Self.bytes(of: oldBytes, wanted.old.name)
                let after: [UInt8]
                switch wanted.new {
                case .text(let text): after = Array(text.utf8)
                case .file(let side): after = try Self.bytes(of: newBytes ?? [], side.name)
                }
                guard before != after else {
                    return .success(FilesCompared(isEqual: true, difference: "", isCut: false))
                }
                let diff = UnifiedDiff(
                    before, after, context: wanted.context, limit: wanted.maxBytes)
                return .success(
                    FilesCompared(
                        isEqual: false,
                        difference: "--- \(wanted.old.name)\n+++ \(name)\n\(diff.text)",
                        isCut: diff.isCut))
            } catch {
                return .failure(error)
            }
        }
        return ToolResult(
            structured: try outcome.get().json, holding: [old] + (new.map { [$0] } ?? []))
    }

    /// What the agent answers to reading a file.
    private func content(
        of side: CompareFiles.Side, for call: ToolCall
    ) async throws(Fault) -> AgentAnswer {
        let principal = try router.principal(of: call)
        var arguments: JSON.Object = [
            "path": .string(side.path), "encoding": "base64",
            "length": .integer(CompareFiles.longest),
        ]
        arguments["target"] = side.target.map { .string($0) }
        arguments["session_id"] = side.session.map { .string($0) }
        let reading = AgentCall(.readFile, arguments, for: principal)
        let routes = Wire.Method.readFile.row.tool?.routes ?? []
        guard case .one(let member) = try router.destination(routes, reading.fields, principal)
        else { throw Fault(.internal, "reading a file has no agent") }
        return try await router.send(reading, to: member)
    }

    private nonisolated static func bytes(of answer: [UInt8], _ name: String) throws(Fault)
        -> [UInt8]
    {
        let json = try? JSON(parsing: answer, limits: .answer)
        guard let text = json?["content"]?.stringValue, let bytes = Base64.decode(text) else {
            throw Fault(.internal, "the agent's answer has not the content of \(name)")
        }
        guard json?["end"] == true else {
            throw Fault(
                .limitReached,
                "\(name) has more than \(CompareFiles.longest) bytes, the most that is compared")
        }
        return bytes
    }
}

extension CompareFiles.Side {
    /// The file as the difference names it.
    fileprivate var name: String { "\(target ?? session ?? ""):\(path)" }
}
