// Tools that change what the server offers, so that clients which listen are told. Invariant: each
// call changes something: what was added by one call is taken away by the next.
import JSON
import Loop
import MCP

@IO final class ChangingTools {
    /// Set once the server is made.
    weak var server: MCPServer?
    /// The tools that do not change.
    private let others: [Tool]
    private let waiting = WaitingTools()
    private var hasTool = false
    private var hasPrompt = false

    init(beside others: [Tool]) { self.others = others }

    var all: [Tool] {
        [
            .fixture("test_trigger_tool_change", "Changes the list of tools.") { [self] _ in
                hasTool.toggle()
                server?.replace(tools: tools)
                return ToolResult(text: "The list of tools has changed.")
            },
            .fixture("test_trigger_prompt_change", "Changes the list of prompts.") { [self] _ in
                hasPrompt.toggle()
                server?.replace(prompts: prompts)
                return ToolResult(text: "The list of prompts has changed.")
            },
            .fixture("test_trigger_resource_change", "Says that the resources have changed.") {
                [self] _ in
                server?.resourcesChanged()
                return ToolResult(text: "The list of resources has changed.")
            },
            .fixture("test_trigger_resource_update", "Changes the watched resource.") {
                [self] _ in
                server?.resourceUpdated(FixtureResources.watched.uri)
                return ToolResult(text: "The watched resource has changed.")
            },
            .fixture("test_end_subscriptions", "Ends every subscription stream in order.") {
                [self] _ in
                server?.endSubscriptions()
                return ToolResult(text: "The streams have ended.")
            },
        ]
    }

    /// What the server offers now.
    var tools: [Tool] { others + all + waiting.all + (hasTool ? [Self.extraTool] : []) }

    private var prompts: [Prompt] { Everything.prompts + (hasPrompt ? [Self.extraPrompt] : []) }

    private static let extraTool = Tool.fixture(
        "test_triggered_tool", "Is there after test_trigger_tool_change."
    ) { _ in ToolResult(text: "This tool is there for a while.") }

    private static let extraPrompt = Prompt(
        name: "test_triggered_prompt", description: "Is there after test_trigger_prompt_change."
    ) { _ in
        [["role": "user", "content": ["type": "text", "text": "A prompt for a while."]]]
    }
}
