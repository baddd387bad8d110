// Arguments in the forms that clients and models send: what is meant is certain, or it is refused.
import JSON
import Loop
import MCP
import Support
import Testing

@Suite struct ArgumentTests {
    /// A tool that returns what it was given: the values, and the bytes that are passed on.
    private static let given = Tool(
        name: "given", title: "Given", description: "Returns its arguments.",
        inputSchema: [
            "type": "object", "additionalProperties": false, "required": ["command"],
            "properties": [
                "command": ["type": "string"], "session_id": ["type": "string"],
                "wait_s": ["type": "number", "maximum": 50],
                "limit": ["type": "integer"], "dry_run": ["type": "boolean"],
                "keys": ["type": "array", "items": ["type": "string"]],
                "sizes": ["type": "array", "items": ["type": "integer"]],
                "until": ["type": ["string", "null"]],
                "term": [
                    "type": "object", "additionalProperties": false,
                    "properties": ["cols": ["type": "integer"], "type": ["type": "string"]],
                ],
            ],
        ], annotations: Fixture.harmless
    ) { call in
        ToolResult(
            structured: ["values": .object(call.arguments), "bytes": .raw(call.rawArguments)])
    }

    @IO private static func client() -> LineClient {
        LineClient(
            MCPServer(
                info: Implementation(name: "arguments", version: "1"),
                tools: [given, Fixture.raw, Fixture.fail]))
    }

    @IO private static func call(_ arguments: JSON) async -> JSON? {
        await client().modern("tools/call", ["name": "given", "arguments": arguments])?["result"]
    }

    @Test(
        arguments: [
            (
                ["wait_s": "2.5", "limit": "7", "dry_run": "true"],
                ["wait_s": 2.5, "limit": 7, "dry_run": true]
            ),
            (
                ["limit": "-7", "wait_s": "10", "dry_run": "False"],
                ["limit": -7, "wait_s": 10, "dry_run": false]
            ),
            (["limit": 7.0], ["limit": 7]),
            (["limit": nil, "wait_s": nil, "term": nil, "session_id": nil, "keys": nil], [:]),
            (["until": nil], ["until": nil]),
            (["limit": "null"], [:]),
            (["term": ["cols": "80", "type": nil]], ["term": ["cols": 80]]),
            (["term": []], ["term": [:]]),
            (["term": "{\"cols\": \"80\"}"], ["term": ["cols": 80]]),
            (["keys": "[\"enter\", \"up\"]"], ["keys": ["enter", "up"]]),
            (["sizes": ["1", 2, 3.0]], ["sizes": [1, 2, 3]]),
            // Text stays text, whatever it looks like.
            (
                ["session_id": "12", "until": "true", "keys": ["1", "null"]],
                ["session_id": "12", "until": "true", "keys": ["1", "null"]]
            ),
        ] as [(JSON, JSON)])
    @IO func `what has one meaning is taken for it`(sent: JSON, meant: JSON) async throws {
        var arguments = try #require(sent.objectValue), expected = try #require(meant.objectValue)
        arguments["command"] = "id"
        expected["command"] = "id"
        let result = await Self.call(.object(arguments))
        #expect(result?["isError"] == false, "\(result ?? .null)")
        let structured = result?["structuredContent"]
        #expect(structured?["values"] == .object(expected))
        // The agent judges and does what the relay has judged.
        #expect(structured?["bytes"] == .object(expected))
        #expect(structured?["ignored_arguments"] == nil)
    }

    @Test(
        arguments: [
            ["limit": "7.5"], ["limit": ""], ["limit": " 7"], ["limit": "7 "], ["limit": "seven"],
            ["limit": "0x7"], ["limit": "007"], ["limit": "1,000"], ["limit": true],
            ["limit": "true"], ["limit": 7.5], ["wait_s": "10s"], ["wait_s": "NaN"],
            ["wait_s": "51"], ["dry_run": "yes"], ["dry_run": 1], ["dry_run": "1"],
            ["dry_run": ""], ["keys": "enter"], ["keys": [nil]], ["keys": [1]], ["term": "80x24"],
            ["term": [80, 24]], ["session_id": 12], ["command": nil], ["command": 12],
            ["sizes": ["1", "x"]], ["term": ["columns": 80]], ["term": ["cols": "wide"]],
        ] as [JSON])
    @IO func `what is not certain is refused`(sent: JSON) async throws {
        var arguments: JSON.Object = ["command": "id"]
        for (name, value) in try #require(sent.objectValue) { arguments[name] = value }
        let result = await Self.call(.object(arguments))
        #expect(result?["isError"] == true, "\(result ?? .null)")
    }

    @Test(
        arguments: [
            ["toolCallId", "sessionId", "action", "chatInput", "tool"], ["task_progress"],
            ["explanation"], ["random_string", "_"], ["description", "requires_approval"],
        ])
    @IO func `names that a client adds are ignored, which the result says`(names: [String]) async {
        var arguments: JSON.Object = ["command": "id", "session_id": "s"]
        for name in names { arguments[name] = ["added": "by the client"] }
        let result = await Self.call(.object(arguments))
        #expect(result?["isError"] == false, "\(result ?? .null)")
        let structured = result?["structuredContent"]
        #expect(structured?["values"] == ["command": "id", "session_id": "s"])
        #expect(structured?["bytes"] == ["command": "id", "session_id": "s"])
        let note = structured?["ignored_arguments"]?.stringValue
        let text = result?["content"]?[0]?["text"]?.stringValue
        for name in names {
            #expect(note?.contains("\"\(name)\"") == true, "\(note ?? "")")
            #expect(text?.contains(name) == true, "\(text ?? "")")
        }
    }

    @Test(
        arguments: [
            ("dryRun", "dry_run"), ("dry-run", "dry_run"), ("wait", "wait_s"), ("key", "keys"),
            ("wait_seconds", "wait_s"), ("session", "session_id"), ("limti", "limit"),
            ("run_limit", "limit"), ("Command", "command"), ("session_ids", "session_id"),
        ])
    @IO func `a name that is nearly a known one is an error that names it`(
        sent: String, known: String
    ) async {
        let result = await Self.call(["command": "id", .init(stringLiteral: sent): true])
        let text = result?["content"]?[0]?["text"]?.stringValue ?? ""
        #expect(result?["isError"] == true)
        #expect(text.contains("\"\(sent)\" (did you mean \"\(known)\"?)"), "\(text)")
    }

    @Test @IO func `a client's own name explains an argument that is missing`() async {
        let tool = Tool(
            name: "read", title: "Read", description: "Reads.",
            inputSchema: [
                "type": "object", "additionalProperties": false, "required": ["session_id"],
                "properties": ["session_id": ["type": "string"]],
            ], annotations: Fixture.harmless
        ) { _ in ToolResult(text: "read") }
        let client = LineClient(
            MCPServer(info: Implementation(name: "arguments", version: "1"), tools: [tool]))
        let missing = await client.modern(
            "tools/call", ["name": "read", "arguments": ["sessionId": "x"]])?["result"]
        let text = missing?["content"]?[0]?["text"]?.stringValue ?? ""
        #expect(missing?["isError"] == true)
        #expect(text.contains("missing argument \"session_id\""), "\(text)")
        #expect(text.contains("\"sessionId\" (did you mean \"session_id\"?)"), "\(text)")
        let both = await client.modern(
            "tools/call", ["name": "read", "arguments": ["session_id": "x", "sessionId": "y"]])?[
                "result"]
        #expect(both?["isError"] == false)
        #expect(both?["content"]?[1]?["text"]?.stringValue?.contains("\"sessionId\"") == true)
    }

    @Test @IO func `more unknown names than any client adds are refused`() async {
        for (count, isRefused) in [(20, false), (21, true), (5000, true)] {
            var arguments: JSON.Object = ["command": "id"]
            for number in 0..<count { arguments["qqqq\(number)"] = 0 }
            let result = await Self.call(.object(arguments))
            #expect(result?["isError"] == .bool(isRefused), "\(count)")
        }
    }

    @Test @IO func `an open schema passes on what it does not name`() async {
        let result = await Self.client().modern(
            "tools/call", ["name": "raw", "arguments": ["x": nil, "y": "1"]])?["result"]
        #expect(result?["_meta"]?["dev.example/sent"] == ["x": nil, "y": "1"])
    }

    @Test(
        arguments: [
            #""params":null"#, #""params":[]"#, #""params":[ ]"#, #""params":{"_meta":null}"#,
            #""x":1"#, #""params":{"cursor":null}"#,
        ])
    @IO func `a request without parameters is answered`(params: String) async {
        let client = Self.client()
        client.line(
            #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"#
                + #""2025-11-25","capabilities":null,"clientInfo":null,"_meta":null}}"#)
        #expect(await client.reply(0)?["result"] != nil)
        for (id, method) in [(Int64(1), "tools/list"), (2, "ping")] {
            client.line("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method)\",\(params)}")
            #expect(await client.reply(.int(id))?["result"] != nil, "\(method)")
        }
    }

    /// Models that write the whole object as text.
    @Test @IO func `arguments in a string are the object it holds`() async {
        let sent = #"{"command":"id","dry_run":true,"keys":"[\"up\"]"}"#
        let result = await Self.client().modern(
            "tools/call", ["name": "given", "arguments": .string(sent)])?["result"]
        #expect(
            result?["structuredContent"]?["values"]
                == ["command": "id", "dry_run": true, "keys": ["up"]])
    }

    @Test(arguments: ["null", "[]", "{}", "\"{}\""])
    @IO func `a call without arguments is one`(arguments: String) async {
        let client = Self.client()
        _ = await client.initialize("2025-06-18")
        client.line(
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fail","#
                + #""_meta":{"progressToken":null},"arguments":\#(arguments)}}"#)
        let result = await client.reply(1)?["result"]
        #expect(result?["content"]?[0]?["text"] == "It failed: try echo.")
        // Where some are needed, the answer says which.
        client.line(
            #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"given","#
                + #""arguments":\#(arguments)}}"#)
        let message = await client.reply(2)?["error"]?["message"]?.stringValue
        #expect(message?.contains("missing argument \"command\"") == true)
    }
}
