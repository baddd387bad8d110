// The modern era over HTTP: statuses, headers, the order of checks, late streams.
import HTTP
import JSON
import Loop
import MCP
import Support
import Testing

@Suite struct `HTTP, modern era` {
    let bad = "io.modelcontextprotocol/clientCapabilities"

    @Test @IO func `discover answers JSON, without a session`() async {
        let reply = await Visitor(Fixture.server()).modern("server/discover")
        #expect(reply.status == 200)
        #expect(reply.headers["Content-Type"] == "application/json")
        #expect(reply.headers["Mcp-Session-Id"] == nil)
        #expect(reply.json?["result"]?["supportedVersions"]?[0] == "2026-07-28")
    }

    /// Each case breaks one rule more than the next; the reply must be the first rule's.
    @Test @IO func `checks run in the order of the specification`() async {
        let visitor = Visitor(Fixture.server())
        let (_, body) = Visitor.modern("tools/call", ["name": "none"])
        let noMeta = #"{"jsonrpc":"2.0","id":1,"method":"x","params":{}}"#
        let (_, oldBody) = Visitor.modern("nope", version: "2020-01-01")
        let (_, nope) = Visitor.modern("nope")
        var broken: [(String, String)] = [
            ("Origin", "null"), ("Authorization", "Bearer x"), ("Accept", "image/png"),
            ("Content-Type", "text/plain"),
        ]
        func ask(_ method: String, _ body: String, _ extra: [(String, String)] = []) async
            -> Recorder
        {
            var headers = Visitor.modernHeaders
            headers["MCP-Protocol-Version"] = "2026-07-28"
            for (name, value) in broken + extra { headers[name] = value }
            return await visitor.send(method, headers, body)
        }
        #expect(await ask("GET", "{").status == 403)
        broken.removeFirst()
        #expect(await ask("GET", "{").status == 401)
        broken.removeFirst()
        let get = await ask("GET", "{")
        #expect(get.status == 405)
        #expect(get.headers["Allow"] == "POST")
        #expect(await ask("POST", "{").status == 406)
        broken.removeFirst()
        #expect(await ask("POST", "{").status == 415)
        broken.removeFirst()
        let rules: [(String, [(String, String)], Int, JSON)] = [
            ("{", [], 400, -32700), ("[]", [], 400, -32600), ("7", [], 400, -32600),
            (#"{"jsonrpc":"2.0","id":1,"result":{}}"#, [], 400, -32600),
            (noMeta, [], 400, -32602), (oldBody, [], 400, -32020), (body, [], 400, -32020),
            (oldBody, [("MCP-Protocol-Version", "2020-01-01")], 400, -32020),
            (
                oldBody, [("MCP-Protocol-Version", "2020-01-01"), ("Mcp-Method", "nope")], 400,
                -32022
            ),
            (nope, [("Mcp-Method", "nope")], 404, -32601),
            (body, [("Mcp-Method", "tools/call")], 400, -32020),
            (body, [("Mcp-Method", "tools/call"), ("Mcp-Name", "none")], 400, -32602),
        ]
        for (body, extra, status, code) in rules {
            let reply = await ask("POST", body, extra)
            #expect(reply.status == status, "\(body)")
            #expect(reply.json?["error"]?["code"] == code, "\(body)")
        }
    }

    @Test(
        arguments: [
            ("Mcp-Method", nil), ("Mcp-Method", "TOOLS/CALL"), ("Mcp-Name", nil),
            ("Mcp-Name", "Echo"),
            ("MCP-Protocol-Version", nil), ("MCP-Protocol-Version", "2025-11-25"),
            ("Mcp-Name", "=?base64?ZWNobw?="), ("Mcp-Name", "=?base64?ZW-obw==?="),
            ("Mcp-Name", "=?base64?ZWNobx==?="), ("Mcp-Name", "=?BASE64?ZWNobw==?="),
            ("Mcp-Name", "=?base64?/w==?="), ("Mcp-Name", "=?base64??="),
        ] as [(String, String?)])
    @IO func `a header that differs from the body is refused`(name: String, value: String?)
        async
    {
        let reply = await Visitor(Fixture.server()).modern(
            "tools/call", ["name": "echo", "arguments": ["text": "a"]], change: [(name, value)])
        #expect(reply.status == 400)
        #expect(reply.json?["error"]?["code"] == -32020)
        #expect(reply.json?["id"] == 1)
        #expect(reply.headers["Mcp-Session-Id"] == nil)
    }

    @Test(
        arguments: [
            ("Mcp-Name", "=?base64?ZWNobw==?="), ("mcp-name", "  echo\t"), ("Accept", "*/*"),
            ("Accept", nil), ("Accept", "application/json"),
            ("Content-Type", "Application/JSON; charset=utf-8"), ("Mcp-Session-Id", "x"),
        ] as [(String, String?)])
    @IO func `what is legal is served`(name: String, value: String?) async {
        let reply = await Visitor(Fixture.server()).modern(
            "tools/call", ["name": "echo", "arguments": ["text": "a"]], change: [(name, value)])
        #expect(reply.status == 200)
        #expect(reply.json?["result"]?["isError"] == false)
    }

    @Test(arguments: [
        ("application/json;q=0, */*", true), ("application/json; Q=0.000", true),
        ("text/event-stream;q=0, application/json", false), ("*/*, text/event-stream;q=0", false),
        ("text/event-stream;q=0.0;a=b, */*", false), ("application/json;q=0.1", false),
        ("application/json;q=0, text/event-stream;q=0.5", true),
    ]) @IO func `a type of weight 0 is not accepted`(accept: String, isStream: Bool) async {
        let reply = await Visitor(Fixture.server()).modern(
            "tools/list", change: [("Accept", accept)])
        let isNothing = accept == "application/json; Q=0.000"
        #expect(reply.status == (isNothing ? 406 : 200))
        #expect(reply.isStream == (isStream && !isNothing))
    }

    @Test(arguments: ["gzip", "br, gzip", "Zstd"])
    @IO func `a compressed body is refused with the name of its encoding`(encoding: String) async {
        let visitor = Visitor(Fixture.server())
        let reply = await visitor.modern(
            "tools/list", change: [("Content-Encoding", encoding)])
        #expect(reply.status == 415)
        #expect(reply.text.contains("\"\(encoding)\""), "\(reply.text)")
        #expect(reply.headers["Accept-Encoding"] == "identity")
        let plain = await visitor.modern(
            "tools/list", change: [("Content-Encoding", "Identity")])
        #expect(plain.status == 200)
    }

    @Test @IO func `conflicting duplicates of a routing header are refused`() async {
        var (headers, body) = Visitor.modern("tools/list")
        headers.add("Mcp-Method", "tools/list")
        let visitor = Visitor(Fixture.server())
        #expect(await visitor.send("POST", headers, body).status == 200)
        headers.add("Mcp-Method", "tools/call")
        #expect(await visitor.send("POST", headers, body).status == 400)
        #expect(await visitor.modern("tools/call", [:]).json?["error"]?["code"] == -32602)
    }

    @Test @IO func `removed methods are 404, notifications 202`() async {
        let visitor = Visitor(Fixture.server())
        for method in ["initialize", "ping", "subscriptions/nothing", "logging/setLevel"] {
            #expect(await visitor.modern(method).status == 404)
        }
        let (headers, _) = Visitor.modern("notifications/cancelled")
        let note = #"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#
        let reply = await visitor.send("POST", headers, note)
        #expect(reply.status == 202)
        #expect(reply.body.isEmpty)
    }

    @Test @IO func `a missing scope is 403, and says how to get it where that is possible`()
        async
    {
        let reply = await Visitor(Fixture.server()).modern(
            "tools/call", ["name": "restricted"], change: [("Authorization", "Bearer bob")])
        #expect(reply.status == 403)
        let challenge = reply.headers["WWW-Authenticate"] ?? ""
        #expect(challenge.contains("error=\"insufficient_scope\", scope=\"exec\""))
        #expect(!challenge.contains("resource_metadata"))
        let way = StepUp(metadata: "https://a.example/m", scopes: ["read"])
        let more = await Visitor(Fixture.server(), stepUp: way).modern(
            "tools/call", ["name": "restricted"], change: [("Authorization", "Bearer bob")])
        #expect(more.status == 403)
        let wider = more.headers["WWW-Authenticate"] ?? ""
        #expect(wider.contains("error=\"insufficient_scope\", scope=\"read exec\""))
        #expect(wider.contains("resource_metadata=\"https://a.example/m\""))
    }

    @Test @IO func `the first notification makes the reply a stream`() async {
        let reply = await Visitor(Fixture.server { $0.progress.interval = .zero }).modern(
            "tools/call", ["name": "steps"], meta: ["progressToken": 7])
        #expect(reply.isStream)
        #expect(reply.headers["Content-Type"] == "text/event-stream")
        #expect(reply.messages.count == 4)
        #expect(reply.messages.first?["params"]?["progressToken"] == 7)
        #expect(reply.json?["result"]?["resultType"] == "complete")
        #expect(reply.isDone)
    }

    @Test @IO func `a token alone, or a client of JSON alone, gets JSON`() async {
        let visitor = Visitor(Fixture.server())
        let echo = await visitor.modern(
            "tools/call", ["name": "echo", "arguments": ["text": "a"]], meta: ["progressToken": 7])
        #expect(!echo.isStream)
        let steps = await visitor.modern(
            "tools/call", ["name": "steps"], meta: ["progressToken": 7],
            change: [("Accept", "application/json")])
        #expect(!steps.isStream)
        let stream = await visitor.modern("tools/list", change: [("Accept", "text/event-stream")])
        #expect(stream.isStream)
        #expect(stream.messages.count == 1)
    }

    @Test @IO func `a slow reply becomes a stream with keep-alives, and a disconnect cancels it`()
        async
    {
        let server = Fixture.server {
            $0.pulse = .milliseconds(2)
            $0.streamAfter = .milliseconds(4)
            $0.keepAlive = .milliseconds(4)
        }
        let (headers, body) = Visitor.modern("tools/call", ["name": "wait"])
        let recorder = Recorder()
        let task = Visitor(server).begin("POST", headers, body, recorder)
        #expect(await holds { recorder.text.contains(": keepalive\n\n: keepalive\n\n") })
        task.cancel()
        await task.value
    }

    @Test @IO func `a message is one event, whatever the tool's bytes hold`() async {
        let reply = await Visitor(Fixture.server()).modern(
            "tools/call", ["name": "raw"], change: [("Accept", "text/event-stream")])
        #expect(reply.text.split(separator: "\n").count == 2)
        #expect(reply.json?["result"]?["structuredContent"] == ["a": 1])
    }

    @Test @IO func `a client that does not read loses notifications, never the reply`() async {
        let server = Fixture.server {
            $0.progress.interval = .zero
            $0.queuedBytes = 200
        }
        let (headers, body) = Visitor.modern(
            "tools/call", ["name": "steps"], meta: ["progressToken": 7])
        let recorder = Recorder()
        recorder.isStalled = true
        let task = Visitor(server).begin("POST", headers, body, recorder)
        #expect(await holds { recorder.isStream })
        recorder.isStalled = false
        await task.value
        #expect(recorder.messages.count < 4)
        #expect(recorder.json?["result"] != nil)
    }
}
