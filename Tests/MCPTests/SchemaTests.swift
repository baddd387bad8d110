// The schema check itself: that it is there, and that it would notice.
import JSON
import Testing

@testable import MCP

@Suite(
    "Schema check",
    .enabled("the schemas or the test Python (./test makes it) are missing") {
        SchemaCheck.isAvailable
    })
struct SchemaTests {
    @Test func `a wrong message is noticed`() {
        withKnownIssue {
            SchemaCheck.check(
                ["jsonrpc": "2.0", "id": 1, "result": ["tools": 7]], method: "tools/list",
                in: .newest)
        }
    }
}
