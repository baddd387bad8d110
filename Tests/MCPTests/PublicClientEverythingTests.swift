// The public Python clients against the fixture program, over HTTP and stdio: whatever they can do
// beside answering questions. The negotiated version counts first, as clients fall back in silence.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite(.needs(.pythonClients), .serialized, .timeLimit(.minutes(5)))
struct `Public clients and the fixture` {
    static let cases: [(String, String, String)] = ["mcp", "fastmcp"].flatMap { name in
        ["auto", "2026-07-28", "legacy"].flatMap { mode in
            ["http", "stdio"].map { (name, mode, $0) }
        }
    }

    @Test(arguments: cases) @IO
    func `a client sees everything`(name: String, mode: String, transport: String) async throws {
        let everything = try await Everything(over: transport)
        defer { everything.stop() }
        let script = "\(Repository.root)/Tests/MCPTests/python/everything.py"
        let output = try await RunningProcess.run(
            try #require(Repository.python), [script, name, mode, everything.place])
        let last = output.split(separator: "\n").last.map(String.init) ?? ""
        let report = try JSON(parsing: last)
        let isModern = mode != "legacy"
        #expect(report["version"]?.stringValue == (isModern ? "2026-07-28" : "2025-11-25"))
        #expect(report["first"] == "test_simple_text")
        #expect(report["text"] == "This is a simple text response for testing.")
        #expect(report["kinds"] == ["text", "image", "resource"])
        #expect(report["failed"] == true)
        #expect(report["progress"] == [0, 50, 100])
        #expect(
            report["logs"]
                == ["Tool execution started", "Tool processing data", "Tool execution completed"])
        #expect(report["header"] == "Region: Zürich")
        #expect(report["resources"]?.arrayValue?.count == 3)
        #expect(report["static"] == "This is the content of the static text resource.")
        #expect(
            report["template"] == #"{"id":"123","templateTest":true,"data":"Data for ID: 123"}"#)
        #expect(report["missing"] == (isModern ? -32602 : -32002))
        #expect(report["prompt"] == "Prompt with arguments: arg1='hello', arg2='world'")
        #expect(report["completion"] == ["paris", "party"])
        #expect(report["cancelled"] == "1")
        if isModern {
            #expect(
                report["granted"] == [
                    "toolsListChanged": true, "resourceSubscriptions": ["test://watched-resource"],
                ])
            #expect(report["told"] == ["ResourceUpdated", "ToolsListChanged"])
            #expect(report["end"] == "graceful")
        } else {
            #expect(
                report["told"] == [
                    "notifications/prompts/list_changed", "notifications/resources/updated",
                    "notifications/tools/list_changed",
                ])
            #expect(
                report["reconnected"] == "Reconnection test completed successfully.")
        }
    }
}
