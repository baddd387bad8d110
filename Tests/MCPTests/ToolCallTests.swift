// Calls of tools: results, arguments that do not fit, progress, cancellation, limits.
import JSON
import Loop
import MCP
import Support
import Testing

@Suite struct `Tool calls` {
    @Test @IO func `a result is structured and text, each complete`() async {
        let client = LineClient(Fixture.server())
        let result = await client.modern(
            "tools/call", ["name": "echo", "arguments": ["text": "h\"i"]])?["result"]
        #expect(result?["structuredContent"] == ["text": "h\"i"])
        #expect(result?["content"] == [["type": "text", "text": "h\"i"]])
        #expect(result?["isError"] == false)
        #expect(result?["resultType"] == "complete")
    }

    @Test @IO func `raw bytes are spliced, in and out`() async {
        let client = LineClient(Fixture.server())
        let result = await client.modern(
            "tools/call", ["name": "raw", "arguments": ["x": [1, 2.5]]])?["result"]
        #expect(result?["structuredContent"] == ["a": 1])
        #expect(result?["content"]?[0]?["text"] == "{\"a\":\n1}")
        #expect(result?["content"]?[1]?["type"] == "resource_link")
        #expect(result?["_meta"]?["dev.example/sent"] == ["x": [1, 2.5]])
        #expect(result?["_meta"]?.objectValue?.count == 2)
    }

    @Test(
        arguments: [
            ([:], "missing argument \"text\""),
            (["text": 1], "\"text\" must be a string, not a number"),
            (["txt": "a", "text": "a"], "unknown argument \"txt\" (did you mean \"text\"?)"),
            (["unrelated": 1], "unknown argument \"unrelated\": allowed are text, times"),
            (["text": "a", "time": 1], "unknown argument \"time\" (did you mean \"times\"?)"),
            (["text": "a", "Tags": []], "unknown argument \"Tags\" (did you mean \"tags\"?)"),
            (["text": "a", "times": 9], "\"times\" must be at most 5"),
            (["text": "a", "times": 1.5], "\"times\" must be an integer"),
            (["text": "a", "mode": "x"], "\"mode\" must be one of \"plain\", \"loud\""),
            (["text": "a", "tags": ["a", 1]], "\"tags[1]\" must be a string"),
            (["text": "a", "tags": ["a", "b", "c"]], "\"tags\" must have at most 2 items"),
        ] as [(JSON, String)])
    @IO func `arguments that do not fit are named`(arguments: JSON, problem: String) async {
        let client = LineClient(Fixture.server())
        let call: JSON.Object = ["name": "echo", "arguments": arguments]
        let modern = await client.modern("tools/call", call)?["result"]
        #expect(modern?["isError"] == true)
        #expect(modern?["content"]?[0]?["text"]?.stringValue?.contains(problem) == true)
        _ = await client.initialize("2025-11-25")
        #expect(await client.call("tools/call", call)?["result"]?["isError"] == true)
        _ = await client.initialize("2025-06-18")
        let older = await client.call("tools/call", call)?["error"]
        #expect(older?["code"] == -32602)
        #expect(older?["message"]?.stringValue?.contains(problem) == true)
    }

    @Test(
        arguments: [
            ["name": "none"], ["name": 1], [:], ["name": "echo", "arguments": [1]],
            ["name": "echo", "arguments": "text"], ["name": "echo", "arguments": true],
        ] as [JSON.Object])
    @IO func `a call that is no call is a protocol error`(params: JSON.Object) async {
        let client = LineClient(Fixture.server())
        #expect(await client.modern("tools/call", params)?["error"]?["code"] == -32602)
    }

    @Test @IO func `a failed tool is a result`() async {
        let client = LineClient(Fixture.server())
        let result = await client.modern("tools/call", ["name": "fail"])?["result"]
        #expect(result?["isError"] == true)
        #expect(result?["content"]?[0]?["text"] == "It failed: try echo.")
    }

    @Test @IO func `progress strictly increases under the request's token`() async {
        let client = LineClient(Fixture.server { $0.progress.interval = .zero })
        let reply = await client.modern(
            "tools/call", ["name": "steps"], meta: ["progressToken": 1])
        #expect(reply?["result"] != nil)
        let progress = client.messages.filter { $0["method"] == "notifications/progress" }
        let values = progress.compactMap { $0["params"]?["progress"]?.doubleValue }
        #expect(values.count == 3)
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
        #expect(progress.allSatisfy { $0["params"]?["progressToken"] == 1 })
    }

    @Test @IO func `without a token, and faster than the limit, nothing is sent`() async {
        let client = LineClient(Fixture.server { $0.progress.interval = .seconds(60) })
        _ = await client.modern("tools/call", ["name": "steps"])
        #expect(client.messages.count == 1)
        _ = await client.modern("tools/call", ["name": "steps"], meta: ["progressToken": "t"])
        #expect(client.messages.count == 3)
    }

    @Test @IO func `a silent call sends heartbeats`() async {
        let server = Fixture.server {
            $0.pulse = .milliseconds(2)
            $0.progress.heartbeat = .milliseconds(5)
        }
        let client = LineClient(server)
        let id = client.start("tools/call", ["name": "wait"], meta: ["progressToken": "t"])
        #expect(await holds { client.messages.count >= 3 })
        #expect(client.messages.last?["params"]?["message"] == "waiting")
        client.line(
            ["jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": id]])
    }

    @Test @IO func `a cancelled call sends nothing more`() async {
        let client = LineClient(Fixture.server())
        let id = client.start("tools/call", ["name": "wait"])
        client.line(
            ["jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": id]])
        _ = await client.modern("server/discover")
        #expect(client.messages.count == 1)
    }

    @Test @IO func `one principal's calls are limited`() async {
        let client = LineClient(Fixture.server { $0.perPrincipal.running = 2 })
        let ids = (0..<2).map { _ in client.start("tools/call", ["name": "wait"]) }
        let third = await client.modern("tools/call", ["name": "echo", "arguments": ["text": "a"]])
        #expect(third?["result"]?["isError"] == true)
        for id in ids {
            client.line(
                [
                    "jsonrpc": "2.0", "method": "notifications/cancelled",
                    "params": ["requestId": id],
                ])
        }
        #expect(
            await holds {
                let reply = await client.modern(
                    "tools/call", ["name": "echo", "arguments": ["text": "a"]])
                return reply?["result"]?["isError"] == false
            })
    }
}
