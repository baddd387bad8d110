// What the fixture offers: one list for each kind, put together from the files beside this one.
// Invariant: `test_simple_text` is the first tool, as runners call the first one with no arguments.
import Loop
import MCP

@IO final class Everything {
    /// Whoever reaches the server.
    static let principal = Principal(name: "anyone")

    let server: MCPServer
    private let tasks = FixtureTasks()

    init() {
        var limits = MCPLimits()
        // Runners expect every report of a tool, which come 50 ms apart.
        limits.progress.interval = .zero
        server = MCPServer(
            info: Implementation(
                name: "mcp-everything", version: "1.0.0", title: "Everything",
                description: "A fixture that shows every part of MCP."),
            instructions: "A fixture for conformance tests.",
            tools: Self.tools + TaskTools(tasks: tasks).all, resources: FixtureResources.all,
            prompts: Self.prompts, completion: FixturePrompts.complete, tasks: tasks.source,
            limits: limits)
    }

    /// The tools that the server starts with.
    static let tools: [Tool] = ContentTools.all + AskingTools.all + RoundTools.all

    /// The prompts that the server starts with.
    static let prompts: [Prompt] = FixturePrompts.all + [RoundTools.prompt]
}
