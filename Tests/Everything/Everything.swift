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
        // One principal has the streams of all clients.
        limits.subscriptions.streamsPerPrincipal = limits.subscriptions.streams
        let changing = ChangingTools(beside: Self.tools + TaskTools(tasks: tasks).all)
        server = MCPServer(
            info: Implementation(
                name: "mcp-everything", version: "1.0.0", title: "Everything",
                description: "A fixture that shows every part of MCP."),
            instructions: "A fixture for conformance tests.",
            tools: changing.tools, resources: FixtureResources.all, prompts: Self.prompts,
            completion: FixturePrompts.complete, tasks: tasks.source,
            announcing: Set(ListKind.allCases), logging: Logging(legacyLevel: .info),
            limits: limits)
        changing.server = server
        tasks.onChange = { [weak server] in server?.taskChanged($0) }
    }

    /// The tools that the server starts with.
    static let tools: [Tool] =
        ContentTools.all + StreamTools.all + HeaderTools.all + AskingTools.all + RoundTools.all

    /// The prompts that the server starts with.
    static let prompts: [Prompt] = FixturePrompts.all + [RoundTools.prompt]
}
