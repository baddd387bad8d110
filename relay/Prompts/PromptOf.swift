// A runbook as a prompt: its text with the arguments filled in, then the resources that it reads.
// Invariant: a resource is read with the caller's rights; one that does not come in time is named,
// and does not keep the text from the caller.
import JSON
import Loop
import MCP

/// Makes the prompt of a runbook.
struct PromptOf: Sendable {
    let runbook: Runbook
    let reader: Runbooks.Reader

    /// How long the resources of a prompt may take: people wait for it.
    private static let patience = Duration.seconds(8)
    /// The longest body of a resource in a prompt, in bytes of text or of base64.
    ///
    /// It goes into a model's context; what is longer is read by a tool.
    private static let longest = 32 << 10

    /// The prompt.
    var prompt: Prompt {
        Prompt(
            name: runbook.name, title: runbook.title, description: runbook.description,
            arguments: runbook.arguments.map {
                Prompt.Argument(
                    name: $0.name, description: $0.description, isRequired: $0.isRequired)
            }
        ) { call in await messages(call) }
    }

    @IO private func messages(_ call: PromptCall) async -> [JSON] {
        let readings = runbook.resources(with: call.arguments).map { uri in
            IO.task { await self.read(uri, call) }
        }
        let resources = await IO.values(of: readings).flatMap(\.self)
        return [Self.note(runbook.text(with: call.arguments))] + resources
    }

    /// The messages with what a resource holds, or why it could not be read.
    @IO private func read(_ uri: String, _ call: PromptCall) async -> [JSON] {
        let reader = reader
        let outcome = await IO.within(Self.patience) { () -> Result<Resources.Reading, MCPError> in
            do throws(MCPError) {
                return .success(try await reader(uri, call.principal))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let reading)?:
            return reading.contents.map { part in
                let length: Int
                switch part.body {
                case .text(let text), .base64(let text): length = text.utf8.count
                }
                guard length <= Self.longest else {
                    return Self.note("\(uri) is long (\(length) bytes): read it by a tool.")
                }
                return Self.message(
                    ["type": "resource", "resource": part.json(in: call.revision)])
            }
        case .failure(let error)?: return [Self.note("\(uri) could not be read: \(error)")]
        case nil:
            return [Self.note("\(uri) did not come within \(Self.patience.components.seconds) s.")]
        }
    }

    private static func note(_ text: String) -> JSON {
        message(["type": "text", "text": .string(text)])
    }

    private static func message(_ content: JSON) -> JSON { ["role": "user", "content": content] }
}
