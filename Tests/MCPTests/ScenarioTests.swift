// The behaviours that every revision has, shown by the fixture program over HTTP and stdio.
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct Scenarios {
    @Test(arguments: Way.all) @IO func `what is advertised works`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let about =
            way.revision.isModern
            ? try await client.call("server/discover") : client.received.first ?? .null
        let capabilities = about["result"]?["capabilities"]
        #expect(capabilities?["tools"] == ["listChanged": true])
        #expect(capabilities?["prompts"] == ["listChanged": true])
        #expect(capabilities?["resources"] == ["listChanged": true, "subscribe": true])
        #expect(capabilities?["logging"] == [:])
        #expect(capabilities?["completions"] == [:])
        if way.revision.isModern {
            let meta = about["result"]?["_meta"]?[MetaKey.server]
            #expect(meta?["name"] == "mcp-everything")
            #expect(about["result"]?["supportedVersions"]?.arrayValue?.count == 4)
        } else {
            #expect(about["result"]?["serverInfo"]?["name"] == "mcp-everything")
            #expect(try await client.call("ping")["result"] == [:])
        }
    }

    @Test(arguments: Way.all) @IO func `tools are listed`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let list = try await client.call("tools/list")
        let tools = list["result"]?["tools"]?.arrayValue ?? []
        #expect(tools.first?["name"] == "test_simple_text")
        for tool in tools {
            let name = tool["name"]?.stringValue ?? ""
            #expect((1...64).contains(name.count))
            #expect(tool["description"]?.stringValue?.isEmpty == false)
            #expect(tool["inputSchema"]?["type"] == "object")
        }
        #expect(Set(tools.compactMap { $0["name"]?.stringValue }).count == tools.count)
        let schema = tools.first { $0["name"] == "json_schema_2020_12_tool" }?["inputSchema"]
        #expect(schema?["$schema"] == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema?["$defs"]?["address"]?["$anchor"] == "addressDef")
        #expect(schema?["properties"]?["address"] == ["$ref": "#/$defs/address"])
        #expect(schema?["additionalProperties"] == false)
        #expect(
            schema?["allOf"] == [["anyOf": [["required": ["phone"]], ["required": ["email"]]]]])
        #expect(schema?["if"]?["required"] == ["contactMethod"])
        #expect(schema?["then"] == ["required": ["phone"]])
        #expect(schema?["else"] == ["required": ["email"]])
        try await expectCaching(client, list)
    }

    /// Each kind of content, alone and together.
    @Test(arguments: Way.all) @IO func `results have every kind of content`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let text = try await client.tool("test_simple_text")
        #expect(
            text["content"]
                == [["type": "text", "text": "This is a simple text response for testing."]])
        #expect(text["isError"] == false)
        let image = try await client.tool("test_image_content")
        #expect(image["content"]?.arrayValue?.count == 1)
        #expect(image["content"]?[0]?["mimeType"] == "image/png")
        #expect(image["content"]?[0]?["data"]?.stringValue?.hasPrefix("iVBORw0KGgo") == true)
        let audio = try await client.tool("test_audio_content")
        #expect(audio["content"]?.arrayValue?.count == 1)
        #expect(audio["content"]?[0]?["mimeType"] == "audio/wav")
        let resource = try await client.tool("test_embedded_resource")
        #expect(
            resource["content"]
                == [
                    [
                        "type": "resource",
                        "resource": [
                            "uri": "test://embedded-resource", "mimeType": "text/plain",
                            "text": "This is an embedded resource content.",
                        ],
                    ]
                ])
        let mixed = try await client.tool("test_multiple_content_types")["content"]
        #expect(mixed?.arrayValue?.compactMap { $0["type"] } == ["text", "image", "resource"])
        #expect(mixed?[0]?["text"] == "Multiple content types test:")
        #expect(mixed?[2]?["resource"]?["text"] == "{\"test\":\"data\",\"value\":123}")
    }

    @Test(arguments: Way.all) @IO func `a tool fails in its result, a call in an error`(way: Way)
        async throws
    {
        let client = try await ScenarioClient(way)
        let failed = try await client.tool("test_error_handling")
        #expect(failed["isError"] == true)
        #expect(
            failed["content"]?[0]?["text"] == "This tool intentionally returns an error for testing"
        )
        let unknown = try await client.call("tools/call", ["name": "none"])
        #expect(unknown["error"]?["code"] == -32602)
        let method = try await client.call("nothing/here")
        #expect(method["error"]?["code"] == -32601)
    }

    @Test(arguments: Way.all) @IO func `progress has the token and increases`(way: Way) async throws
    {
        let client = try await ScenarioClient(way)
        _ = try await client.tool("test_tool_with_progress")
        #expect(client.notices("notifications/progress").isEmpty)
        for token in ["a token", 7] as [JSON] {
            let before = client.notices("notifications/progress").count
            _ = try await client.tool("test_tool_with_progress", meta: ["progressToken": token])
            let told = client.notices("notifications/progress").dropFirst(before)
            #expect(told.compactMap { $0["params"]?["progress"] } == [0, 50, 100])
            #expect(told.allSatisfy { $0["params"]?["progressToken"] == token })
            #expect(told.allSatisfy { $0["params"]?["total"] == 100 })
        }
    }

    @Test(arguments: Way.all) @IO func `resources are listed and read`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let list = try await client.call("resources/list")
        for resource in list["result"]?["resources"]?.arrayValue ?? [] {
            #expect(resource["name"] != nil && resource["description"] != nil)
        }
        try await expectCaching(client, list)
        let templates = try await client.call("resources/templates/list")
        let template = templates["result"]?["resourceTemplates"]?[0]
        #expect(template?["uriTemplate"] == "test://template/{id}/data")
        try await expectCaching(client, templates)
        let text = try await client.call("resources/read", ["uri": "test://static-text"])
        #expect(
            text["result"]?["contents"]?[0]?["text"]
                == "This is the content of the static text resource.")
        try await expectCaching(client, text)
        let binary = try await client.call("resources/read", ["uri": "test://static-binary"])
        #expect(binary["result"]?["contents"]?[0]?["mimeType"] == "image/png")
        #expect(binary["result"]?["contents"]?[0]?["blob"] == Samples.image)
        let data = try await client.call("resources/read", ["uri": "test://template/123/data"])
        #expect(
            data["result"]?["contents"]?[0]?["text"]
                == #"{"id":"123","templateTest":true,"data":"Data for ID: 123"}"#)
        let missing = try await client.call("resources/read", ["uri": "test://no"])
        #expect(missing["error"]?["code"] == (way.revision.isModern ? -32602 : -32002))
        #expect(missing["error"]?["data"]?["uri"] == "test://no")
        #expect(missing["result"] == nil)
    }

    @Test(arguments: Way.all) @IO func `prompts are listed, completed and got`(way: Way)
        async throws
    {
        let client = try await ScenarioClient(way)
        try await expectCaching(client, client.call("prompts/list"))
        func messages(_ name: String, _ arguments: JSON.Object = [:]) async throws -> [JSON] {
            let reply = try await client.call(
                "prompts/get", ["name": .string(name), "arguments": .object(arguments)])
            let all = reply["result"]?["messages"]?.arrayValue ?? []
            #expect(all.allSatisfy { $0["role"] == "user" })
            return all.compactMap { $0["content"] }
        }
        #expect(
            try await messages("test_simple_prompt")
                == [["type": "text", "text": "This is a simple prompt for testing."]])
        let two = try await messages(
            "test_prompt_with_arguments", ["arg1": "hello", "arg2": "world"])
        #expect(two[0]["text"] == "Prompt with arguments: arg1='hello', arg2='world'")
        let resource = try await messages(
            "test_prompt_with_embedded_resource", ["resourceUri": "test://a"])
        #expect(resource[0]["resource"]?["uri"] == "test://a")
        #expect(resource[0]["resource"]?["text"] == "Embedded resource content for testing.")
        #expect(resource[1]["text"] == "Please process the embedded resource above.")
        let image = try await messages("test_prompt_with_image")
        #expect(image[0]["data"] == Samples.image)
        #expect(image[1]["text"] == "Please analyze the image above.")
        let values = try await client.call(
            "completion/complete",
            [
                "ref": ["type": "ref/prompt", "name": "test_prompt_with_arguments"],
                "argument": ["name": "arg1", "value": "par"],
            ])
        #expect(values["result"]?["completion"]?["values"] == ["paris", "party"])
        let unknown = try await client.call("prompts/get", ["name": "none"])
        #expect(unknown["error"]?["code"] == -32602)
    }

    @Test(arguments: Way.all) @IO func `calls run at the same time, each on its own stream`(
        way: Way
    ) async throws {
        let client = try await ScenarioClient(way)
        let ids = (0..<3).map { at in
            client.start(
                "tools/call", ["name": "test_tool_with_progress", "arguments": [:]],
                meta: ["progressToken": .string("token \(at)")])
        }
        for (at, id) in ids.enumerated() {
            let reply = try await client.reply(id)
            #expect(reply["result"]?["isError"] == false)
            guard way.transport == .http else { continue }
            let exchange = try client.exchange(id)
            let tokens = exchange.messages.compactMap { $0["params"]?["progressToken"] }
            #expect(tokens == Array(repeating: .string("token \(at)"), count: 3))
            #expect(await holds { exchange.isOver })
        }
    }

    @Test(arguments: Way.all) @IO func `log messages come if they were asked for`(way: Way)
        async throws
    {
        let client = try await ScenarioClient(way)
        let method = "notifications/message"
        func levels(_ level: String?) async throws -> [JSON] {
            let before = client.notices(method).count
            var meta: JSON.Object = [:]
            if way.revision.isModern {
                meta[MetaKey.logLevel] = level.map(JSON.string)
            } else if let level {
                let reply = try await client.call("logging/setLevel", ["level": .string(level)])
                #expect(reply["result"] == [:])
            }
            _ = try await client.tool("test_logging_tool", meta: meta)
            return client.notices(method).dropFirst(before).compactMap { $0["params"]?["level"] }
        }
        // The fixture gives legacy clients that set no level what they expect.
        #expect(try await levels(nil) == (way.revision.isModern ? [] : ["info", "error"]))
        #expect(try await levels("debug") == ["debug", "info", "error"])
        #expect(try await levels("warning") == ["error"])
        #expect(try await levels("emergency") == [])
        #expect(client.notices(method).allSatisfy { $0["params"]?["logger"] == "fixture" })
        if way.revision.isModern {
            let bad = try await client.call(
                "tools/call", ["name": "test_logging_tool"], meta: [MetaKey.logLevel: "loud"])
            #expect(bad["error"]?["code"] == -32602)
            #expect(try await client.call("logging/setLevel")["error"]?["code"] == -32601)
        } else {
            let bad = try await client.call("logging/setLevel", ["level": "loud"])
            #expect(bad["error"]?["code"] == -32602)
        }
        let before = client.notices(method).count
        _ = try await client.tool(
            "test_tool_with_logging",
            meta: way.revision.isModern ? [MetaKey.logLevel: "info"] : [:])
        // A legacy client has set a level above it.
        let told = client.notices(method).dropFirst(before).compactMap { $0["params"]?["data"] }
        #expect(
            told
                == (way.revision.isModern
                    ? [
                        "Tool execution started", "Tool processing data",
                        "Tool execution completed",
                    ]
                    : []))
    }

    /// Modern lists and readings say how long they may be kept; legacy ones have no such members.
    private func expectCaching(_ client: ScenarioClient, _ reply: JSON) async throws {
        let result = try #require(reply["result"], "\(reply)")
        guard client.way.revision.isModern else {
            #expect(result["ttlMs"] == nil && result["cacheScope"] == nil)
            #expect(result["resultType"] == nil)
            return
        }
        #expect((result["ttlMs"]?.intValue ?? -1) >= 0)
        #expect(["public", "private"].contains(result["cacheScope"]?.stringValue ?? ""))
        #expect(result["resultType"] == "complete")
    }
}

/// The texts that the fixture's results carry.
private enum Samples {
    static let image: JSON = .string(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSu"
            + "QmCC")
}
