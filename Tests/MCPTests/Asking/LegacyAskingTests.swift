// Requests of the server to a legacy client: their deadlines, their limits, and what ends them.
import HTTP
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `Asking legacy clients` {
    private static let capabilities: JSON.Object = ["elicitation": ["form": [:], "url": [:]]]
    private static let harmless = Fixture.harmless
    private static let sure = InputRequest.form("sure", "Sure?", [FormField("ok", .boolean())])

    private static let ask = Tool(
        name: "ask", title: "Ask", description: "Asks.", inputSchema: ["type": "object"],
        annotations: harmless
    ) { (call) throws(Interruption) in
        let answers = try call.ask(sure, once: true)
        return ToolResult(text: .string("\(answers["sure"])"))
    }

    private static let visit = Tool(
        name: "visit", title: "Visit", description: "Sends to a page.",
        inputSchema: ["type": "object"], annotations: harmless
    ) { (call) throws(Interruption) in
        let answers = try call.ask(
            .page("page", "Sign in", url: "https://example.org/v1", id: "v1"))
        return ToolResult(text: .string("\(answers["page"])"))
    }

    private static let folders = Tool(
        name: "folders", title: "Folders", description: "Asks for the client's folders.",
        inputSchema: ["type": "object"], annotations: harmless
    ) { (call) throws(Interruption) in
        _ = try call.ask(.roots("folders"))
        return ToolResult(text: "asked")
    }

    private static let document = Resources(
        list: { _ in [Resource(uri: "test://asked", name: "asked")] },
        read: { (call) throws(Interruption) in
            let answers = try call.ask(sure)
            let body = ResourceContents.Body.text("\(answers["sure"])")
            return Resources.Reading([ResourceContents(uri: call.uri, body: body)])
        })

    @IO private static func server(
        queuedBytes: Int = 1 << 20, _ change: (inout MCPLimits.Asking) -> Void = { _ in }
    ) -> MCPServer {
        var limits = MCPLimits()
        limits.queuedBytes = queuedBytes
        change(&limits.asking)
        return MCPServer(
            info: Implementation(name: "asking", version: "1"), tools: [ask, visit, folders],
            resources: document, limits: limits)
    }

    private static func text(_ reply: JSON?) -> String? {
        reply?["result"]?["content"]?[0]?["text"]?.stringValue
    }

    @Test @IO func `without an answer in time the handler goes on without one`() async {
        let client = LineClient(Self.server { $0.answerWait = .milliseconds(50) })
        _ = await client.initialize("2025-11-25", Self.capabilities)
        let reply = await client.call("tools/call", ["name": "ask"])
        #expect(Self.text(reply)?.contains("unanswered") == true)
        let request = await client.asked("elicitation/create")
        let cancelled = client.messages.first { $0["method"] == "notifications/cancelled" }
        #expect(cancelled?["params"]?["requestId"] == request?["id"])
        // A late answer is dropped, and nobody is harmed.
        client.answer(request, ["action": "decline"])
        #expect(await client.call("ping")?["result"] == [:])
    }

    @Test @IO func `a cancelled call asks no more`() async {
        let client = LineClient(Self.server())
        _ = await client.initialize("2025-11-25", Self.capabilities)
        let id = client.send("tools/call", ["name": "ask"], .v2025_11_25)
        let request = await client.asked("elicitation/create")
        client.line([
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": id],
        ])
        client.answer(request, ["action": "decline"])
        #expect(await client.call("ping")?["result"] == [:])
        #expect(!client.messages.contains { $0["id"] == id && $0["method"] == nil })
        // The place of the cancelled request is free again.
        let next = client.send("tools/call", ["name": "ask"], .v2025_11_25)
        client.answer(await client.asked("elicitation/create", after: 1), ["action": "cancel"])
        #expect(Self.text(await client.reply(next)) == "cancelled")
    }

    @Test @IO func `a client has only so many questions to answer`() async {
        let client = LineClient(Self.server { $0.openRequests = 1 })
        _ = await client.initialize("2025-06-18", Self.capabilities)
        let first = client.send("tools/call", ["name": "ask"], .v2025_06_18)
        let request = await client.asked("elicitation/create")
        let second = await client.call("tools/call", ["name": "ask"])
        #expect(second?["result"]?["isError"] == true)
        client.answer(request, ["action": "decline"])
        #expect(Self.text(await client.reply(first)) == "declined")
    }

    @Test @IO func `answers of others count for nothing`() async {
        let server = Self.server()
        let (one, two) = (LineClient(server), LineClient(server, as: Fixture.bob))
        for client in [one, two] {
            _ = await client.initialize("2025-11-25", Self.capabilities)
        }
        let id = one.send("tools/call", ["name": "ask"], .v2025_11_25)
        let request = await one.asked("elicitation/create")
        two.answer(request, ["action": "accept", "content": ["ok": true]])
        two.answer(["id": 1], ["action": "decline"])
        #expect(await two.call("ping")?["result"] == [:])
        #expect(!one.messages.contains { $0["id"] == id })
        one.answer(request, ["action": "decline"])
        one.answer(request, ["action": "accept", "content": ["ok": true]])
        #expect(Self.text(await one.reply(id)) == "declined")
    }

    @Test @IO func `reading a resource can ask in both eras`() async {
        let client = LineClient(Self.server())
        _ = await client.initialize("2025-11-25", Self.capabilities)
        let id = client.send("resources/read", ["uri": "test://asked"], .v2025_11_25)
        client.answer(await client.asked("elicitation/create"), ["action": "decline"])
        let old = await client.reply(id)?["result"]
        #expect(old?["contents"]?[0]?["text"] == "declined")

        let declared: JSON.Object = [
            "io.modelcontextprotocol/clientCapabilities": .object(Self.capabilities)
        ]
        let first = await client.modern(
            "resources/read", ["uri": "test://asked"], meta: declared)?["result"]
        #expect(first?["resultType"] == "input_required" && first?["ttlMs"] == nil)
        let done = await client.modern(
            "resources/read",
            [
                "uri": "test://asked", "requestState": first?["requestState"] ?? .null,
                "inputResponses": ["sure": ["action": "cancel"]],
            ], meta: declared)?["result"]
        #expect(done?["contents"]?[0]?["text"] == "cancelled")
        // The caller has not declared forms.
        let refused = await client.modern("resources/read", ["uri": "test://asked"])?["error"]
        #expect(refused?["code"] == -32021)
    }

    @Test @IO func `a batch of 2025-03-26 asks, and a batch answers`() async {
        let sample = Tool(
            name: "sample", title: "S", description: "Samples.", inputSchema: ["type": "object"],
            annotations: Self.harmless
        ) { (call) throws(Interruption) in
            let answers = try call.ask(.sampling("s", Sampling("Hi", maxTokens: 5)))
            return ToolResult(text: .string(answers.text("s") ?? ""))
        }
        let server = MCPServer(info: Implementation(name: "b", version: "1"), tools: [sample])
        let client = LineClient(server)
        _ = await client.initialize("2025-03-26", ["sampling": [:]])
        client.line(
            #"[{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"sample"}}]"#)
        let request = await client.asked("sampling/createMessage")
        let result: JSON = [
            "role": "assistant", "model": "m", "content": ["type": "text", "text": "Ho"],
        ]
        client.line([["jsonrpc": "2.0", "id": request?["id"] ?? .null, "result": result]])
        let replies = await eventually { client.messages.last?.arrayValue }
        #expect(replies?.first?["result"]?["content"]?[0]?["text"] == "Ho")
    }

    @Test @IO func `a visit to a page has an id, and its end is told once`() async {
        let server = Self.server()
        let client = LineClient(server)
        _ = await client.initialize("2025-11-25", Self.capabilities)
        let id = client.send("tools/call", ["name": "visit"], .v2025_11_25)
        let request = await client.asked("elicitation/create")
        #expect(request?["params"]?["mode"] == "url")
        #expect(request?["params"]?["elicitationId"] == "v1")
        client.answer(request, ["action": "accept"])
        let done = Self.text(await client.reply(id))
        #expect(done?.hasPrefix("accepted") == true)
        for _ in 0..<2 { server.elicitationCompleted("v1") }
        server.elicitationCompleted("other")
        let told = client.messages.filter { $0["method"] == "notifications/elicitation/complete" }
        #expect(told.count == 1 && told.first?["params"]?["elicitationId"] == "v1")
        // A client of the modern era is told nothing: it calls again.
        let declared: JSON.Object = [
            "io.modelcontextprotocol/clientCapabilities": .object(Self.capabilities)
        ]
        let modern = await client.modern("tools/call", ["name": "visit"], meta: declared)
        let page = modern?["result"]?["inputRequests"]?["page"]?["params"]
        #expect(page?["mode"] == "url" && page?["elicitationId"] == nil)
        let count = client.messages.count
        server.elicitationCompleted("v1")
        #expect(client.messages.count == count)
        // A client without URL mode is not sent anywhere.
        let formsOnly = await client.modern(
            "tools/call", ["name": "visit"],
            meta: ["io.modelcontextprotocol/clientCapabilities": ["elicitation": [:]]])
        #expect(formsOnly?["error"]?["code"] == -32021)
    }

    @Test @IO func `a client that takes no stream is asked nothing`() async throws {
        let visitor = Visitor(Self.server())
        let session = await visitor.initialize(capabilities: Self.capabilities)
        var headers = Visitor.legacy(session)
        headers["Accept"] = "application/json"
        let body: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ["name": "ask"],
        ]
        let reply = await visitor.send("POST", headers, body.description)
        #expect(reply.json?["result"]?["isError"] == true)
    }

    @Test(arguments: ["2025-03-26", "2025-11-25"])
    @IO func `a question is not dropped, however slowly its client reads`(
        version: String
    ) async throws {
        // The question is longer than what may wait for a slow client.
        let visitor = Visitor(Self.server(queuedBytes: 10) { $0.answerWait = .seconds(10) })
        let isOld = version == "2025-03-26"
        let capabilities: JSON.Object = isOld ? ["roots": [:]] : Self.capabilities
        let session = await visitor.initialize(version, capabilities: capabilities)
        let call: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": ["name": isOld ? "folders" : "ask"],
        ]
        // The old revision has batches, whose questions take the same way.
        let body = isOld ? JSON.array([call]) : call
        let recorder = Recorder()
        let task = visitor.begin(
            "POST", Visitor.legacy(session, version: version), body.description, recorder)
        let request = await eventually {
            recorder.messages.first { $0["method"] != nil && $0["id"] != nil }
        }
        #expect(request?["method"] == (isOld ? "roots/list" : "elicitation/create"))
        let response: JSON = [
            "jsonrpc": "2.0", "id": request?["id"] ?? .null,
            "result": isOld ? ["roots": []] : ["action": "decline"],
        ]
        let answered = await visitor.send(
            "POST", Visitor.legacy(session, version: version), response.description)
        #expect(answered.status == 202)
        await task.value
        let reply = isOld ? recorder.json?[0] : recorder.json
        #expect(Self.text(reply) == (isOld ? "asked" : "declined"))
    }

    @Test @IO func `a session that ends ends what it asks`() async throws {
        let visitor = Visitor(Self.server())
        let session = await visitor.initialize(capabilities: Self.capabilities)
        let body: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ["name": "ask"],
        ]
        let recorder = Recorder()
        let task = visitor.begin("POST", Visitor.legacy(session), body.description, recorder)
        let request = await eventually {
            recorder.messages.first { $0["method"] == "elicitation/create" }
        }
        // Another session of the same principal cannot answer.
        let other = await visitor.initialize(capabilities: Self.capabilities)
        let response: JSON = [
            "jsonrpc": "2.0", "id": request?["id"] ?? .null, "result": ["action": "decline"],
        ]
        let answered = await visitor.send("POST", Visitor.legacy(other), response.description)
        #expect(answered.status == 202)
        #expect(!recorder.isDone)
        _ = await visitor.send("DELETE", Visitor.legacy(session))
        await task.value
        #expect(recorder.json?["error"]?["code"] == 503)
    }

    @Test @IO func `states are of one principal`() async {
        let server = Self.server()
        let (one, two) = (LineClient(server), LineClient(server, as: Fixture.bob))
        let declared: JSON.Object = [
            "io.modelcontextprotocol/clientCapabilities": .object(Self.capabilities)
        ]
        let first = await one.modern("tools/call", ["name": "ask"], meta: declared)?["result"]
        let params: JSON.Object = [
            "name": "ask", "requestState": first?["requestState"] ?? .null,
            "inputResponses": ["sure": ["action": "decline"]],
        ]
        let stolen = await two.modern("tools/call", params, meta: declared)?["error"]
        #expect(stolen?["code"] == -32602)
        let done = await one.modern("tools/call", params, meta: declared)
        #expect(Self.text(done) == "declined")
    }
    @Test @IO func `a handler may ask twice for what counts once`() async {
        let twice = Tool(
            name: "twice", title: "Twice", description: "Asks twice.",
            inputSchema: ["type": "object"], annotations: Self.harmless
        ) { (call) throws(Interruption) in
            let field = FormField("ok", .boolean())
            let first = try call.ask(.form("first", "Sure?", [field]), once: true)
            let second = try call.ask(.form("second", "Really?", [field]), once: true)
            return ToolResult(text: .string("\(first["first"]) \(second["second"])"))
        }
        let client = LineClient(
            MCPServer(info: Implementation(name: "t", version: "1"), tools: [twice]))
        let declared: JSON.Object = [
            "io.modelcontextprotocol/clientCapabilities": .object(Self.capabilities)
        ]
        var params: JSON.Object = ["name": "twice"]
        for key in ["first", "second"] {
            let round = await client.modern("tools/call", params, meta: declared)?["result"]
            #expect(round?["inputRequests"]?[key] != nil)
            params["requestState"] = round?["requestState"]
            var responses: JSON.Object = [:]
            responses[key] = ["action": "decline"]
            params["inputResponses"] = .object(responses)
        }
        let done = await client.modern("tools/call", params, meta: declared)
        #expect(Self.text(done) == "declined declined")
        // Another run with the same state is still refused.
        let again = await client.modern("tools/call", params, meta: declared)
        let why = again?["error"]?["message"]?.stringValue
        #expect(why?.hasPrefix("requestState was used already") == true)
    }
}
