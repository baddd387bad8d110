// The client of the public TypeScript SDK, which most clients are built on, against the fixture:
// log messages, subscriptions, and streams that it comes back to (node/everything.js).
import JSON
import Support
import Testing

@testable import MCP

@Suite(.needs(.typeScriptClient), .timeLimit(.minutes(2))) struct TypeScriptEverythingTests {
    @Test(arguments: ["http", "stdio"])
    func `the TypeScript client sees everything`(transport: String) async throws {
        let everything = try await Everything(over: transport)
        defer { everything.stop() }
        let driver = try #require(Repository.typeScript)
        let output = try await RunningProcess.run(
            "\(driver)/node",
            [
                "\(Repository.root)/Tests/MCPTests/node/everything.js",
                "\(driver)/package/lib/utilsBundle.js", everything.place,
            ])
        let report = try JSON(parsing: output)
        #expect(report["server"] == "mcp-everything")
        #expect(report["tools"] == "test_simple_text")
        #expect(report["text"] == "This is a simple text response for testing.")
        #expect(report["progress"] == [0, 50, 100])
        #expect(
            report["logs"]
                == ["Tool execution started", "Tool processing data", "Tool execution completed"])
        #expect(
            report["told"]
                == ["notifications/resources/updated", "notifications/tools/list_changed"])
        #expect(report["reconnected"] == "Reconnection test completed successfully.")
        guard transport == "http" else { return }
        #expect(report["resumed"] == [["GET", 200]])
        #expect(report["cut"] == [[0, 50, 100], "Progress test completed."])
    }
}
