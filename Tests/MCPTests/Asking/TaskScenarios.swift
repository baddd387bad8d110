// What §3.3 of the reference wants of the tasks extension. Over HTTP and stdio, against
// mcp-everything.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `Tasks` {
    private static let tasks: JSON.Object = ["extensions": ["io.modelcontextprotocol/tasks": [:]]]
    private static let all: JSON.Object = [
        "extensions": ["io.modelcontextprotocol/tasks": [:]], "elicitation": [:],
    ]

    @IO private static func task(_ reply: Answered) throws -> JSON.Object {
        #expect(reply.result?["resultType"] == "task")
        return ["taskId": try #require(reply.result?["taskId"])]
    }

    /// Asks for a task until its status is not `status` any more.
    @IO private static func get(
        _ client: AskedClient, _ task: JSON.Object, past status: String = "working"
    ) async throws -> JSON? {
        try await eventually {
            let found = try await client.request("tasks/get", task).result
            return found?["status"] == .string(status) ? nil : found
        }
    }

    @Test(arguments: Way.modern)
    @IO func `a task is made, asked for, and ends in each way`(way: Way) async throws {
        let client = try await AskedClient(way, Self.tasks)
        let discovered = try await client.request("server/discover").result?["capabilities"]
        #expect(discovered?["extensions"]?["io.modelcontextprotocol/tasks"] == [:])
        #expect(discovered?["tasks"] == nil)

        let slow = try Self.task(
            try await client.call("slow_compute", ["seconds": 0.3, "label": "sum"]))
        let done = try await Self.get(client, slow)
        #expect(done?["status"] == "completed")
        #expect(done?["result"]?["content"]?[0]?["text"] == "sum took 0.3 s")
        #expect(try await client.request("tasks/cancel", slow).result != nil)
        #expect(try await client.request("tasks/get", slow).result?["status"] == "completed")

        let failing = try Self.task(try await client.call("failing_job"))
        let failed = try await Self.get(client, failing)
        #expect(failed?["status"] == "completed" && failed?["result"]?["isError"] == true)
        let broken = try Self.task(try await client.call("protocol_error_job"))
        let error = try await Self.get(client, broken)
        #expect(error?["status"] == "failed" && error?["error"]?["code"] == -32603)

        let long = try Self.task(try await client.call("slow_compute", ["seconds": 60]))
        #expect(try await client.request("tasks/get", long).result?["status"] == "working")
        for _ in 0..<2 { #expect(try await client.request("tasks/cancel", long).result != nil) }
        #expect(try await client.request("tasks/get", long).result?["status"] == "cancelled")

        // What needs no task is none.
        #expect(try await client.call("greet", ["name": "Ada"]).text == "Hello, Ada!")
        let quick = try await client.call("slow_compute", ["seconds": 0])
        #expect(quick.result?["resultType"] == "complete")
    }

    @Test(arguments: Way.modern)
    @IO func `without the extension there are no tasks`(way: Way) async throws {
        let client = try await AskedClient(way, Self.tasks)
        let task = try Self.task(try await client.call("slow_compute", ["seconds": 30]))
        let quick = try await client.call("slow_compute", ["seconds": 0.1], declaring: [:])
        #expect(quick.result?["resultType"] == "complete")
        let needs: JSON = .object(Self.tasks)
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            var params = task
            if method == "tasks/update" { params["inputResponses"] = [:] }
            let reply = try await client.request(method, params, declaring: [:])
            #expect(reply.code == -32021, "\(method)")
            #expect(reply.message["error"]?["data"]?["requiredCapabilities"] == needs)
        }
        for tool in ["failing_job", "protocol_error_job", "test_tool_with_task"] {
            #expect(try await client.call(tool, declaring: ["elicitation": [:]]).code == -32021)
        }
        // What an older design asked for is ignored.
        let old = try await client.call(
            "slow_compute", ["seconds": 0], more: ["task": ["ttl": 1]], declaring: [:])
        #expect(old.result?["resultType"] == "complete")
    }

    @Test(arguments: Way.modern)
    @IO func `a task asks, takes parts of the answer, and goes on`(way: Way) async throws {
        let client = try await AskedClient(way, Self.all)
        let delete = try Self.task(try await client.call("confirm_delete", ["filename": "a.txt"]))
        let asking = try await Self.get(client, delete)
        #expect(asking?["status"] == "input_required")
        #expect(asking?["inputRequests"]?.objectValue?.keys == ["confirm"])
        func update(_ task: JSON.Object, _ responses: JSON.Object) async throws -> Answered {
            var params = task
            params["inputResponses"] = .object(responses)
            return try await client.request("tasks/update", params)
        }
        let yes: JSON = ["action": "accept", "content": ["confirm": true]]
        // What was not asked for, or does not fit, changes nothing.
        #expect(try await update(delete, ["other": yes]).result != nil)
        let unfit: JSON = ["action": "accept", "content": ["confirm": "yes"]]
        #expect(try await update(delete, ["confirm": unfit]).result != nil)
        #expect(try await update(delete, ["confirm": ["action": "maybe"]]).code == -32602)
        let still = try await client.request("tasks/get", delete).result
        #expect(still?["status"] == "input_required")
        #expect(try await update(delete, ["confirm": yes]).result != nil)
        let deleted = try await eventually {
            let found = try await client.request("tasks/get", delete).result
            return found?["status"] == "completed" ? found : nil
        }
        #expect(deleted?["result"]?["content"]?[0]?["text"] == "Deleted a.txt")
        #expect(try await update(delete, ["confirm": yes]).result != nil)

        let two = try Self.task(try await client.call("multi_input"))
        let both = try await Self.get(client, two)
        #expect(both?["inputRequests"]?.objectValue?.keys == ["name", "confirm"])
        let name: JSON = ["action": "accept", "content": ["name": "Ada", "more": 1]]
        #expect(try await update(two, ["name": name]).result != nil)
        let rest = try await client.request("tasks/get", two).result
        #expect(rest?["inputRequests"]?.objectValue?.keys == ["confirm"])
        #expect(try await update(two, ["confirm": yes]).result != nil)
        let finished = try await eventually {
            let found = try await client.request("tasks/get", two).result
            return found?["status"] == "completed" ? found : nil
        }
        #expect(finished?["result"]?["content"]?[0]?["text"]?.stringValue?.contains("Ada") == true)
    }

    @Test(arguments: Way.modern)
    @IO func `input rounds come first, the task last`(way: Way) async throws {
        let client = try await AskedClient(way, Self.all)
        let reply = try await client.converse("test_tool_with_task") { _, _ in
            ["action": "accept", "content": ["name": "Ada"]]
        }
        let done = try await Self.get(client, try Self.task(reply))
        #expect(done?["result"]?["content"]?[0]?["text"] == "Hello, Ada! The task is done.")
    }

    @Test(arguments: Way.modern)
    @IO func `a client that listens is told of each state`(way: Way) async throws {
        let client = try await AskedClient(way, Self.all)
        let delete = try Self.task(try await client.call("confirm_delete", ["filename": "a"]))
        let id = try #require(delete["taskId"])
        let filter: JSON.Object = ["notifications": ["taskIds": [id, "none"]]]
        let refused = try await client.request(
            "subscriptions/listen", filter, declaring: ["elicitation": [:]])
        #expect(refused.code == -32021)
        let stream = client.client.start("subscriptions/listen", filter)
        let acknowledgement = "notifications/subscriptions/acknowledged"
        #expect(await client.client.has(1, acknowledgement))
        let granted = client.client.notices(acknowledgement).first?["params"]?["notifications"]
        #expect(granted == ["taskIds": [id]])
        var update = delete
        update["inputResponses"] = ["confirm": ["action": "accept", "content": ["confirm": true]]]
        #expect(try await client.request("tasks/update", update).result != nil)
        let last = await eventually {
            client.client.notices("notifications/tasks").compactMap { $0["params"] }
                .last { $0["status"] == "completed" }
        }
        let notice = try #require(last)
        TaskShape.check(detail: notice)
        #expect(notice["result"]?["content"]?[0]?["text"] == "Deleted a")
        for told in client.client.notices("notifications/tasks") {
            let meta = told["params"]?["_meta"]
            #expect(meta?["io.modelcontextprotocol/subscriptionId"] == stream)
        }
        // The notice says what tasks/get says.
        var got = try await client.request("tasks/get", delete).result?.objectValue ?? [:]
        var said = notice.objectValue ?? [:]
        for key in ["_meta", "resultType"] {
            got[key] = nil
            said[key] = nil
        }
        #expect(got == said)
    }

    @Test(arguments: Way.modern)
    @IO func `bad ids, removed methods and headers are refused`(way: Way) async throws {
        let client = try await AskedClient(way, Self.tasks)
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            var params: JSON.Object = ["taskId": "none"]
            if method == "tasks/update" { params["inputResponses"] = [:] }
            let reply = try await client.request(method, params)
            #expect(reply.code == -32602, "\(method)")
            #expect(try await client.request(method, ["inputResponses": [:]]).code == -32602)
        }
        let known = try Self.task(try await client.call("slow_compute", ["seconds": 30]))
        #expect(try await client.request("tasks/update", known).code == -32602)
        for method in ["tasks/result", "tasks/list"] {
            let reply = try await client.request(method, ["taskId": "none"])
            #expect(reply.code == -32601)
            #expect(reply.status == (way.transport == .http ? 404 : nil))
        }
        if way.transport == .http {
            let task = try Self.task(try await client.call("slow_compute", ["seconds": 30]))
            for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
                for wrong: String? in [nil, "other"] {
                    var params = task
                    if method == "tasks/update" { params["inputResponses"] = [:] }
                    let reply = try await client.request(
                        method, params, headers: [("Mcp-Name", wrong)])
                    #expect(reply.code == -32020 && reply.status == 400)
                }
            }
        }
    }

    @Test(arguments: Way.since(.v2025_03_26, through: .v2025_11_25))
    @IO func `legacy sessions have no tasks`(way: Way) async throws {
        let client = try await AskedClient(way, Self.all)
        let reply = try await client.call(
            "slow_compute", ["seconds": 0.1], more: ["task": ["ttl": 1000]])
        #expect(reply.text == "computation took 0.1 s")
        #expect(try await client.call("failing_job").result?["isError"] == true)
        #expect(try await client.request("tasks/get", ["taskId": "x"]).code == -32601)
    }
}
