// The era without handshake, over the message core.
import JSON
import Loop
import MCP
import Testing

@Suite struct `Modern era` {
    let serverInfo = "io.modelcontextprotocol/serverInfo"

    @Test @IO func `discover names all versions, the capabilities and the server`() async {
        let client = LineClient(Fixture.server())
        let result = await client.modern("server/discover")?["result"]
        #expect(
            result?["supportedVersions"]
                == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"])
        #expect(
            result?["capabilities"]
                == ["tools": [:], "resources": [:], "prompts": [:], "completions": [:]])
        #expect(result?["resultType"] == "complete")
        #expect(result?["instructions"] == "Use echo.")
        #expect(result?["ttlMs"] == 60_000)
        #expect(result?["cacheScope"] == "public")
        #expect(result?["_meta"]?[serverInfo]?["name"] == "fixture")
    }

    @Test @IO func `an incomplete _meta is refused`() async {
        let client = LineClient(Fixture.server())
        client.line(
            ["jsonrpc": "2.0", "id": "a", "method": "tools/list", "params": ["_meta": [:]]])
        #expect(await client.reply("a")?["error"]?["code"] == -32602)
        client.line(["jsonrpc": "2.0", "id": "b", "method": "tools/list"])
        #expect(await client.reply("b")?["error"]?["code"] == -32602)
        client.line(
            [
                "jsonrpc": "2.0", "id": "c", "method": "tools/list",
                "params": ["_meta": ["io.modelcontextprotocol/clientCapabilities": [:]]],
            ])
        #expect(await client.reply("c")?["error"]?["code"] == -32602)
    }

    @Test(
        arguments: [
            ("io.modelcontextprotocol/clientCapabilities", JSON.array([])),
            ("io.modelcontextprotocol/protocolVersion", 1),
            ("io.modelcontextprotocol/logLevel", "loud"), ("progressToken", [:]),
        ] as [(String, JSON)]) @IO func `an ill-typed _meta is refused`(key: String, value: JSON)
        async
    {
        let client = LineClient(Fixture.server())
        let reply = await client.modern("tools/list", meta: [key: value])
        #expect(reply?["error"]?["code"] == -32602)
    }

    @Test(arguments: ["2025-11-25", "1999-01-01"])
    @IO func `another version is refused with the supported ones`(version: String) async {
        let client = LineClient(Fixture.server())
        let error = await client.modern("tools/list", version: version)?["error"]
        #expect(error?["code"] == -32022)
        #expect(error?["data"]?["requested"] == .string(version))
        #expect(error?["data"]?["supported"]?[0] == "2026-07-28")
        let message = error?["message"]?.stringValue ?? ""
        #expect(message.contains("initialize") == (version == "2025-11-25"))
    }

    @Test(arguments: [
        "initialize", "ping", "logging/setLevel", "resources/subscribe", "tasks/list", "nonsense",
    ]) @IO func `removed and unknown methods do not exist`(method: String) async {
        let client = LineClient(Fixture.server())
        #expect(await client.modern(method)?["error"]?["code"] == -32601)
    }

    @Test @IO func `features that are not offered do not exist`() async {
        let server = MCPServer(info: Implementation(name: "bare", version: "1"))
        let client = LineClient(server)
        #expect(await client.modern("server/discover")?["result"]?["capabilities"] == [:])
        for method in ["tools/list", "tools/call", "resources/list", "prompts/get"] {
            #expect(await client.modern(method)?["error"]?["code"] == -32601)
        }
    }

    @Test @IO func `tools are listed with schemas, hints and cache marks`() async {
        let client = LineClient(Fixture.server())
        let result = await client.modern("tools/list")?["result"]
        let tool = result?["tools"]?[0]
        #expect(tool?["name"] == "echo")
        #expect(tool?["title"] == "Echo")
        #expect(tool?["outputSchema"]?["type"] == "object")
        #expect(tool?["annotations"]?.objectValue?.count == 4)
        #expect(tool?["_meta"]?["anthropic/maxResultSizeChars"] == 500_000)
        #expect(result?["cacheScope"] == "private")
        #expect(result?["ttlMs"] == 60_000)
    }

    @Test @IO func `the list shows only what the principal may call`() async {
        let ada = await LineClient(Fixture.server()).modern("tools/list")
        let bob = await LineClient(Fixture.server(), as: Fixture.bob).modern("tools/list")
        #expect(ada?["result"]?["tools"]?.arrayValue?.count == 6)
        #expect(bob?["result"]?["tools"]?.arrayValue?.count == 5)
        let call = await LineClient(Fixture.server(), as: Fixture.bob)
            .modern("tools/call", ["name": "restricted"])
        #expect(call?["error"]?["data"]?["scope"] == "exec")
    }

    @Test @IO func `lists come in pages`() async {
        let client = LineClient(Fixture.server { $0.lists.pageEntries = 4 })
        let first = await client.modern("tools/list")?["result"]
        #expect(first?["tools"]?.arrayValue?.count == 4)
        let cursor = first?["nextCursor"] ?? .null
        let second = await client.modern("tools/list", ["cursor": cursor])?["result"]
        #expect(second?["tools"]?.arrayValue?.count == 2)
        #expect(second?["nextCursor"] == nil)
        for bad in ["at-3", "at-400", "x", "at--4"] as [JSON] {
            let reply = await client.modern("tools/list", ["cursor": bad])
            #expect(reply?["error"]?["code"] == -32602)
        }
    }
}
