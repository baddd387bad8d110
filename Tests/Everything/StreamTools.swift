// Tools whose calls send log messages, or lose their connection on purpose.
import JSON
import Loop
import MCP

enum StreamTools {
    static let all = [logging, quietLogging, reconnection]

    private static let logging = Tool.fixture(
        "test_tool_with_logging", "Sends three log messages."
    ) { call in
        let lines = [
            "Tool execution started", "Tool processing data", "Tool execution completed",
        ]
        for (at, line) in lines.enumerated() {
            if at > 0 { try? await IO.sleep(for: .milliseconds(50)) }
            call.log(.info, .string(line))
        }
        return ToolResult(text: "Logged three messages.")
    }

    private static let quietLogging = Tool.fixture(
        "test_logging_tool", "Sends log messages to a client that has set a level."
    ) { call in
        call.log(.debug, "A message for whoever looks for a fault", logger: "fixture")
        call.log(.info, "A message about what goes on", logger: "fixture")
        call.log(.error, ["reason": "A message about a fault"], logger: "fixture")
        return ToolResult(text: "Logging tool completed.")
    }

    private static let reconnection = Tool.fixture(
        "test_reconnection",
        "Closes its stream, so that the client has to come back for the result."
    ) { call in
        call.closeStream()
        try? await IO.sleep(for: .milliseconds(100))
        return ToolResult(text: "Reconnection test completed successfully.")
    }
}
