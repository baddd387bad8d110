// What §3.3 of the reference wants of `input_required`: rounds, their state, and what a client can
// get wrong or forge. Over HTTP and stdio, against mcp-everything.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `Input rounds` {
    private static let forms: JSON.Object = ["elicitation": [:]]
    private static let prefix = "test_input_required_result_"

    private static func accept(_ content: JSON.Object) -> JSON {
        ["action": "accept", "content": .object(content)]
    }

    private static func retry(_ reply: Answered, _ responses: JSON.Object) -> JSON.Object {
        var more: JSON.Object = ["inputResponses": .object(responses)]
        more["requestState"] = reply.result?["requestState"]
        return more
    }

    @Test(arguments: Way.modern)
    @IO func `a round is incomplete, then complete`(way: Way) async throws {
        let client = try await AskedClient(way, Self.forms)
        let tool = Self.prefix + "elicitation"
        let first = try await client.call(tool)
        #expect(first.status == (way.transport == .http ? 200 : nil))
        #expect(first.result?["resultType"] == "input_required")
        #expect(first.result?["ttlMs"] == nil && first.result?["content"] == nil)
        let request = first.result?["inputRequests"]?["user_name"]
        #expect(request?["method"] == "elicitation/create")
        #expect(request?["params"]?["message"] == "What is your name?")
        SchemaCheck.check(try #require(request), as: "InputRequest", in: .newest)

        let extra: JSON.Object = [
            "user_name": Self.accept(["name": "Ada", "more": 1]), "nobody_asked": ["x": 1],
        ]
        let done = try await client.call(tool, more: Self.retry(first, extra))
        #expect(done.result?["resultType"] == "complete")
        #expect(done.text == "Hello, Ada!")
        // A client that leaves the state out of a first round is understood.
        let bare: JSON.Object = ["inputResponses": ["user_name": Self.accept(["name": "Bob"])]]
        #expect(try await client.call(tool, more: bare).text == "Hello, Bob!")
    }

    @Test(arguments: Way.modern)
    @IO func `missing and wrong answers are asked for again`(way: Way) async throws {
        let client = try await AskedClient(way, Self.forms)
        let tool = Self.prefix + "elicitation"
        let first = try await client.call(tool)
        for responses: JSON.Object in [
            [:], ["other": Self.accept(["name": "Ada"])], ["user_name": Self.accept([:])],
            ["user_name": Self.accept(["name": 7])],
        ] {
            let again = try await client.call(tool, more: Self.retry(first, responses))
            #expect(again.result?["resultType"] == "input_required", "\(responses)")
            #expect(again.result?["inputRequests"]?["user_name"] != nil)
            #expect(again.result?["requestState"] != first.result?["requestState"])
        }
        for responses: JSON.Object in [
            ["user_name": 7], ["user_name": ["action": "maybe"]], ["user_name": [:]],
            ["user_name": ["action": "accept", "content": "Ada"]],
        ] {
            let bad = try await client.call(tool, more: Self.retry(first, responses))
            #expect(bad.code == -32602, "\(responses)")
            #expect(bad.status == (way.transport == .http ? 400 : nil))
        }
        let list = try await client.call(tool, more: ["inputResponses": [1]])
        #expect(list.code == -32602)
    }

    @Test(arguments: Way.modern)
    @IO func `the state is verified, changes and counts once`(way: Way) async throws {
        let client = try await AskedClient(way, Self.forms)
        let tool = Self.prefix + "tampered_state"
        let first = try await client.call(tool)
        let state = try #require(first.result?["requestState"]?.stringValue)
        let answer: JSON.Object = ["confirm": Self.accept(["ok": true])]
        for forged in [state + "A", String(state.dropLast()), "x", "", String(state.reversed())] {
            let more: JSON.Object = [
                "inputResponses": .object(answer), "requestState": .string(forged),
            ]
            #expect(try await client.call(tool, more: more).code == -32602, "\(forged)")
        }
        let number: JSON.Object = ["inputResponses": .object(answer), "requestState": 7]
        #expect(try await client.call(tool, more: number).code == -32602)
        // The state of another tool, and of the same tool with other parameters.
        let other = try await client.call(Self.prefix + "elicitation")
        #expect(try await client.call(tool, more: Self.retry(other, answer)).code == -32602)
        let done = try await client.call(tool, more: Self.retry(first, answer))
        #expect(done.text?.hasPrefix("state-ok") == true)
        let twice = try await client.call(tool, more: Self.retry(first, answer))
        #expect(twice.code == -32602)
        // What must count once needs the state.
        let bare: JSON.Object = ["inputResponses": .object(answer)]
        #expect(try await client.call(tool, more: bare).code == -32602)
    }

    @Test(arguments: Way.modern)
    @IO func `prompts ask as well, other methods never`(way: Way) async throws {
        let client = try await AskedClient(way, Self.forms)
        let prompt: JSON.Object = ["name": .string(Self.prefix + "prompt")]
        let first = try await client.request("prompts/get", prompt)
        #expect(first.result?["inputRequests"]?["user_context"] != nil)
        var again = prompt
        let more = Self.retry(first, ["user_context": Self.accept(["context": "sea"])])
        for (key, value) in more { again[key] = value }
        let done = try await client.request("prompts/get", again)
        #expect(done.result?["resultType"] == "complete")
        #expect(done.result?["messages"]?[0]?["content"]?["text"] == "Context: sea")
        for method in ["tools/list", "prompts/list", "resources/list", "server/discover"] {
            let reply = try await client.request(method, more)
            #expect(reply.result?["resultType"] == "complete", "\(method)")
        }
    }

    @Test(arguments: Way.modern)
    @IO func `only what the request declares is asked`(way: Way) async throws {
        let client = try await AskedClient(way, [:])
        let tool = Self.prefix + "capabilities"
        for (declared, keys): (JSON.Object, [String]) in [
            (["sampling": [:]], ["greeting"]), (["elicitation": [:]], ["user_name"]),
            (["elicitation": ["form": [:]], "roots": [:]], ["user_name", "client_roots"]),
            (["sampling": [:], "elicitation": ["url": [:]]], ["greeting"]),
        ] {
            let reply = try await client.call(tool, declaring: declared)
            #expect(reply.result?["inputRequests"]?.objectValue?.keys == keys)
        }
        #expect(
            try await client.call(tool, declaring: ["elicitation": ["url": [:]]]).code == -32021)
        #expect(try await client.call(tool).code == -32021)
        let streaming = try await client.call(
            "test_streaming_elicitation", declaring: Self.forms)
        #expect(streaming.result?["resultType"] == "input_required")
        // Behind progress on the same stream as well.
        let id = client.client.start(
            "tools/call", ["name": "test_streaming_elicitation", "arguments": [:]],
            meta: ["progressToken": "p"], declaring: Self.forms)
        let behind = try await client.client.reply(id)
        #expect(behind["result"]?["resultType"] == "input_required")
        #expect(client.client.notices("notifications/progress").count == 1)
    }
}
