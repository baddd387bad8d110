// The rules of the tasks extension that no schema has: which members a message about a task must
// have, and which not.
import JSON
import Testing

@testable import MCP

enum TaskShape {
    private static let statuses: Set<String> = [
        "working", "input_required", "completed", "failed", "cancelled",
    ]
    /// Members of an older design of tasks, or of results, that a task never has.
    private static let foreign = ["task", "ttl", "pollInterval", "requestState"]

    /// Records an issue when a reply about a task is not what the extension says.
    static func check(_ message: JSON, method: String) {
        guard let result = message["result"] else { return }
        switch method {
        case "tools/call" where result["resultType"] == "task":
            check(task: result)
            for name in ["result", "error", "inputRequests"] { #expect(result[name] == nil) }
        case "tasks/get":
            #expect(result["resultType"] == "complete")
            check(detail: result)
        case "tasks/update", "tasks/cancel":
            #expect(result["resultType"] == "complete")
            #expect(result.objectValue?.keys.filter { $0 != "_meta" } == ["resultType"])
        default: #expect(result["taskId"] == nil)
        }
    }

    /// What a notification and tasks/get have.
    static func check(detail: JSON) {
        check(task: detail)
        let status = detail["status"]
        #expect((detail["result"] != nil) == (status == "completed"))
        #expect((detail["error"] != nil) == (status == "failed"))
        #expect((detail["inputRequests"] != nil) == (status == "input_required"))
        if let result = detail["result"] {
            SchemaCheck.check(
                ["jsonrpc": "2.0", "id": 1, "result": result], method: "tools/call", in: .newest)
        }
        for request in detail["inputRequests"]?.objectValue ?? [:] {
            SchemaCheck.check(request.value, as: "InputRequest", in: .newest)
        }
        if let error = detail["error"] {
            #expect(error["code"]?.intValue != nil && error["message"]?.stringValue != nil)
        }
    }

    private static func check(task: JSON) {
        #expect(task["taskId"]?.stringValue?.isEmpty == false)
        #expect(statuses.contains(task["status"]?.stringValue ?? ""))
        for name in ["createdAt", "lastUpdatedAt"] {
            #expect(FormFormat.dateTime.accepts(task[name]?.stringValue ?? ""))
        }
        #expect(task["ttlMs"]?.isNull == true || task["ttlMs"]?.intValue != nil)
        #expect(task["pollIntervalMs"].map { $0.intValue != nil } ?? true)
        for name in foreign { #expect(task[name] == nil, "\(name)") }
        let related = "io.modelcontextprotocol/related-task"
        #expect(task["_meta"]?[related] == nil)
    }
}
