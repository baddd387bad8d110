// The fixture on standard input and output, for one client.
import Loop
import MCP
import Net

@IO enum StdioService {
    /// Serves until the end of the input.
    static func run() async -> Int32 {
        let everything = Everything()
        let lines = MCPLines(
            server: everything.server, principal: Everything.principal,
            stream: DescriptorStream(input: 0, output: 1))
        await lines.run()
        return 0
    }
}
