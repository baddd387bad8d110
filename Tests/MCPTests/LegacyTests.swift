// The era with a handshake, both eras together, and lines that are no messages.
import JSON
import Loop
import MCP
import Testing

@Suite struct `Legacy era` {
    @Test(arguments: [
        ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2024-11-05"), ("2026-07-28", "2025-11-25"), ("1999", "2025-11-25"),
    ]) @IO func `initialize agrees on a version`(asked: String, agreed: String) async {
        let client = LineClient(Fixture.server())
        let result = await client.initialize(asked)?["result"]
        #expect(result?["protocolVersion"] == .string(agreed))
        #expect(result?["serverInfo"]?["name"] == "fixture")
        #expect(result?["instructions"] == "Use echo.")
        #expect(result?["resultType"] == nil)
        client.line(["jsonrpc": "2.0", "method": "notifications/initialized"])
        #expect(await client.call("ping")?["result"] == [:])
        #expect(await client.call("logging/setLevel")?["error"]?["code"] == -32601)
    }

    @Test @IO func `each revision gets its own shape`() async {
        let client = LineClient(Fixture.server())
        for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
            _ = await client.initialize(version)
            let isOld = version == "2025-03-26"
            let tool = await client.call("tools/list")?["result"]?["tools"]?[0]
            #expect((tool?["title"] == nil) == isOld)
            #expect((tool?["outputSchema"] == nil) == isOld)
            #expect((tool?["annotations"]?["title"] != nil) == isOld)
            let call = await client.call("tools/call", ["name": "raw"])?["result"]
            #expect((call?["structuredContent"] == nil) == isOld)
            #expect(call?["content"]?.arrayValue?.count == (isOld ? 1 : 2))
            #expect(call?["_meta"]?["io.modelcontextprotocol/serverInfo"] == nil)
        }
    }

    @Test @IO func `resources, prompts and completion answer in every revision`() async {
        let client = LineClient(Fixture.server())
        for version in ["2025-11-25", "2025-06-18", "2025-03-26", nil] {
            if let version { _ = await client.initialize(version) }
            func ask(_ method: String, _ params: JSON.Object = [:]) async -> JSON? {
                version == nil
                    ? await client.modern(method, params) : await client.call(method, params)
            }
            #expect(await ask("resources/list")?["result"]?["resources"]?[0] != nil)
            let templates = await ask("resources/templates/list")?["result"]
            #expect(templates?["resourceTemplates"]?[0]?["uriTemplate"] == "test://items/{id}")
            let read = await ask("resources/read", ["uri": "test://text"])?["result"]
            #expect(read?["contents"]?[0]?["text"] == "hello")
            #expect(read?["ttlMs"] == (version == nil ? 3000 : nil))
            let missing = await ask("resources/read", ["uri": "test://no"])?["error"]
            #expect(missing?["code"] == (version == nil ? -32602 : -32002))
            #expect(missing?["data"]?["uri"] == "test://no")
            #expect(await ask("prompts/list")?["result"]?["prompts"]?[0]?["name"] == "greeting")
            let arguments: JSON = ["name": "Ada"]
            let prompt = await ask("prompts/get", ["name": "greeting", "arguments": arguments])
            #expect(
                prompt?["result"]?["messages"]?[0]?["content"]?["text"] == "Greet Ada.")
            #expect(await ask("prompts/get", ["name": "greeting"])?["error"]?["code"] == -32602)
            #expect(await ask("prompts/get", ["name": "none"])?["error"]?["code"] == -32602)
            let completion = await ask(
                "completion/complete",
                [
                    "ref": ["type": "ref/prompt", "name": "greeting"],
                    "argument": ["name": "name", "value": "a"],
                ])
            #expect(completion?["result"]?["completion"]?["values"] == ["aone", "atwo"])
        }
    }

    @Test @IO func `both eras are served side by side`() async {
        let client = LineClient(Fixture.server())
        #expect(await client.modern("server/discover")?["result"] != nil)
        #expect(await client.initialize("2025-11-25")?["result"] != nil)
        #expect(await client.call("tools/list")?["result"]?["resultType"] == nil)
        #expect(await client.modern("tools/list")?["result"]?["resultType"] == "complete")
    }

    @Test @IO func `a batch is answered in 2025-03-26 and refused elsewhere`() async {
        let client = LineClient(Fixture.server())
        let batch =
            #"[{"jsonrpc":"2.0","id":"x","method":"ping"},{"jsonrpc":"2.0","method":"a"},"#
            + #"{"jsonrpc":"2.0","id":"y","method":"initialize"},7]"#
        _ = await client.initialize("2025-03-26")
        client.line(batch)
        while client.messages.last?.arrayValue == nil { await Task.yield() }
        let replies = client.messages.last?.arrayValue ?? []
        #expect(replies.count == 3)
        #expect(replies.contains(["jsonrpc": "2.0", "id": "x", "result": [:]]))
        #expect(replies.filter { $0["error"]?["code"] == -32600 }.count == 2)
        client.line("[]")
        #expect(client.messages.last?["error"]?["code"] == -32600)
        _ = await client.initialize("2025-06-18")
        client.line(batch)
        #expect(client.messages.last?["error"]?["code"] == -32600)
    }

    @Test(
        arguments: [
            ("{", -32700), ("nonsense", -32700), ("7", -32600), (#"{"id":1}"#, -32600),
            (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
            (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
            (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600),
            (#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#, -32602),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":7}}"#, -32602),
            (#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, -32602),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, -32602),
        ] as [(String, JSON)])
    @IO func `a bad line is answered and the next one served`(line: String, code: JSON) async {
        let client = LineClient(Fixture.server())
        client.line(line)
        #expect(client.messages.first?["error"]?["code"] == code)
        client.tooLong()
        #expect(client.messages.last?["error"]?["code"] == -32700)
        #expect(await client.modern("server/discover")?["result"] != nil)
    }

    @Test @IO func `an id in use is refused`() async {
        let client = LineClient(Fixture.server())
        _ = await client.initialize("2025-11-25")
        for _ in 0..<2 {
            client.line(
                #"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"name":"wait"}}"#)
        }
        #expect(client.messages.last?["error"]?["code"] == -32600)
        client.line(
            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}"#)
    }

    @Test @IO func `a ping before the handshake is answered`() async {
        let client = LineClient(Fixture.server())
        #expect(await client.call("ping")?["result"] == [:])
    }
}
