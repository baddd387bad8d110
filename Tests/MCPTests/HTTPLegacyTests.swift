// Legacy sessions over HTTP: their life, their owner, streams, batches, cancellation.
import HTTP
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `HTTP, legacy era` {
    @Test @IO func `a session lives from initialize to DELETE`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        #expect(session.utf8.count == 32)
        #expect(await visitor.legacy(session, "notifications/initialized", id: nil).status == 202)
        #expect(await visitor.legacy(session, "ping").json?["result"] == [:])
        let list = await visitor.legacy(session, "tools/list")
        #expect(list.status == 200)
        #expect(list.json?["result"]?["tools"]?[0]?["name"] == "echo")
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 204)
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 404)
        #expect(await visitor.legacy(session, "ping").status == 404)
        #expect(visitor.endpoint.sessions.count == 0)
    }

    @Test @IO func `errors of a session are JSON-RPC errors with status 200`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        let unknown = await visitor.legacy(session, "nope")
        #expect(unknown.status == 200)
        #expect(unknown.json?["error"]?["code"] == -32601)
        let missing = await visitor.legacy(session, "resources/read", ["uri": "test://no"])
        #expect(missing.json?["error"]?["code"] == -32002)
        let tool = await visitor.legacy(session, "tools/call", ["name": "none"])
        #expect(tool.json?["error"]?["code"] == -32602)
    }

    @Test @IO func `without a session everything is refused`() async {
        let visitor = Visitor(Fixture.server())
        #expect(await visitor.legacy(nil, "ping").status == 400)
        #expect(await visitor.legacy(nil, "ping", version: nil).status == 400)
        #expect(await visitor.legacy("0123", "ping").status == 404)
        #expect(await visitor.send("GET", Visitor.legacy(nil)).status == 400)
        #expect(await visitor.send("DELETE", Visitor.legacy(nil)).status == 400)
        #expect(await visitor.send("PUT", Visitor.legacy(nil)).status == 405)
        let handshake = #"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#
        #expect(await visitor.send("POST", Visitor.modernHeaders, handshake).status == 400)
    }

    @Test @IO func `the negotiated version governs, an unknown header is refused`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize("2025-06-18")
        #expect(await visitor.legacy(session, "ping", version: "2025-11-25").status == 200)
        #expect(await visitor.legacy(session, "ping", version: nil).status == 200)
        #expect(await visitor.legacy(session, "ping", version: "1999-01-01").status == 400)
    }

    /// Clients send their newest version there, or always the same one.
    @Test(arguments: [nil, "2025-03-26", "2025-11-25", "2026-07-28", "2099-01-01", "1.0", ""])
    @IO func `a handshake is answered under any version header`(version: String?) async {
        let visitor = Visitor(Fixture.server())
        let handshake =
            #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"#
            + #""2025-06-18","capabilities":{}}}"#
        let reply = await visitor.send("POST", Visitor.legacy(nil, version: version), handshake)
        #expect(reply.status == 200)
        #expect(reply.json?["result"]?["protocolVersion"] == "2025-06-18")
        #expect(reply.headers["Mcp-Session-Id"]?.utf8.count == 32)
    }

    @Test @IO func `a session goes on under the newest version's header`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize("2025-11-25")
        let newest = Visitor.legacy(session, version: "2026-07-28")
        let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
        #expect(await visitor.send("POST", newest, ping).json?["result"] == [:])
        #expect(await visitor.send("DELETE", newest).status == 204)
        // Without a session the header says which era it is.
        #expect(await visitor.send("POST", newest, ping).status == 400)
        #expect(await visitor.send("DELETE", newest).status == 405)
    }

    /// A client's static header beside its own, or a proxy's: on one line, or on two.
    @Test(arguments: [true, false])
    @IO func `a header that is sent twice with one value is that value`(onOneLine: Bool) async {
        func twice(_ headers: HTTPHeaders) -> HTTPHeaders {
            var doubled = HTTPHeaders()
            for name in [
                "Authorization", "Content-Type", "Accept", "MCP-Protocol-Version", "Mcp-Session-Id",
                "Mcp-Method", "Mcp-Name",
            ] {
                guard let value = headers[name] else { continue }
                doubled.add(name, onOneLine && name != "Mcp-Name" ? "\(value) , \(value)" : value)
                if !onOneLine { doubled.add(name, value) }
            }
            return doubled
        }
        let visitor = Visitor(Fixture.server())
        var headers = Visitor.legacy(await visitor.initialize(token: "Bearer bob"))
        headers["Authorization"] = "Bearer bob"
        let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
        #expect(await visitor.send("POST", twice(headers), ping).json?["result"] == [:])
        #expect(await visitor.send("DELETE", twice(headers)).status == 204)
        let (modern, body) = Visitor.modern("tools/list")
        #expect(await visitor.send("POST", twice(modern), body).json?["result"] != nil)
        headers = twice(headers)
        headers.add("Authorization", "Bearer eve")
        #expect(await visitor.send("POST", headers, ping).status == 401)
    }

    @Test(arguments: ["2025-11-25, 2025-06-18", "1999-01-01", "", "x"])
    @IO func `a version header without meaning is named, also to a notification`(version: String)
        async
    {
        let visitor = Visitor(Fixture.server())
        let headers = Visitor.legacy(await visitor.initialize(), version: version)
        for message in [
            #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
            #"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            #"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        ] {
            let reply = await visitor.send("POST", headers, message)
            #expect(reply.status == 400, "\(message)")
            let error = reply.json?["error"]?["message"]?.stringValue ?? ""
            #expect(error.hasPrefix("MCP-Protocol-Version \"\(version)\" is"), "\(error)")
        }
    }

    @Test @IO func `a session is its creator's alone`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize(token: "Bearer bob")
        #expect(await visitor.legacy(session, "ping").status == 404)
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 404)
        var headers = Visitor.legacy(session)
        headers["Authorization"] = "Bearer bob"
        #expect(await visitor.send("DELETE", headers).status == 204)
    }

    @Test @IO func `sessions are limited and end when idle`() async {
        let visitor = Visitor(Fixture.server { $0.sessions.count = 2 })
        for _ in 0..<2 { #expect(await visitor.initialize() != "") }
        let body =
            #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1"}}"#
        var bob = Visitor.modernHeaders
        bob["Authorization"] = "Bearer bob"
        let refused = await visitor.send("POST", bob, body)
        #expect(refused.status == 503)
        #expect(refused.headers["Retry-After"] == "10")
        visitor.endpoint.sessions.beat(IO.now + .seconds(3600))
        #expect(visitor.endpoint.sessions.count == 2)
        visitor.endpoint.sessions.beat(IO.now + .seconds(5 * 3600))
        #expect(visitor.endpoint.sessions.count == 0)
        #expect(await visitor.send("POST", bob, body).status == 200)
    }

    /// Clients that initialize for each run, and never end a session.
    @Test(arguments: [true, false])
    @IO func `the newest session of a principal takes the place of its oldest that rests`(
        isOwnLimit: Bool
    ) async {
        let visitor = Visitor(
            Fixture.server {
                if isOwnLimit { $0.sessions.perPrincipal = 3 } else { $0.sessions.count = 4 }
            })
        let bob = await visitor.initialize(token: "Bearer bob")
        let streaming = await visitor.initialize()
        let stream = Recorder()
        let held = visitor.begin("GET", Visitor.legacy(streaming), "", stream)
        #expect(await holds { stream.isStream })
        let running = await visitor.initialize()
        let call =
            #"{"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"wait"}}"#
        let recorder = Recorder()
        let task = visitor.begin("POST", Visitor.legacy(running), call, recorder)
        await IO.task {}.value
        let resting = await visitor.initialize()
        let next = await visitor.initialize()
        #expect(await visitor.legacy(resting, "ping").status == 404)
        // What is in use stays, whatever its age; the sessions of others are not touched.
        for session in [streaming, running, next] {
            #expect(await visitor.legacy(session, "ping").status == 200)
        }
        var other = Visitor.legacy(bob)
        other["Authorization"] = "Bearer bob"
        #expect(await visitor.send("DELETE", other).status == 204)
        visitor.endpoint.close()
        await task.value
        await held.value
    }

    @Test @IO func `of sessions that rest the one used last stays`() async {
        let visitor = Visitor(Fixture.server { $0.sessions.perPrincipal = 2 })
        let first = await visitor.initialize()
        let second = await visitor.initialize()
        #expect(await visitor.legacy(first, "ping").status == 200)
        #expect(await visitor.initialize() != "")
        #expect(await visitor.legacy(second, "ping").status == 404)
        #expect(await visitor.legacy(first, "ping").status == 200)
        #expect(visitor.endpoint.sessions.count == 2)
    }

    @Test @IO func `one principal cannot take all sessions`() async {
        let visitor = Visitor(Fixture.server { $0.sessions.perPrincipal = 1 })
        let session = await visitor.initialize()
        let stream = Recorder()
        let held = visitor.begin("GET", Visitor.legacy(session), "", stream)
        #expect(await holds { stream.isStream })
        #expect(await visitor.initialize() == "")
        #expect(await visitor.initialize(token: "Bearer bob") != "")
        visitor.endpoint.close()
        await held.value
    }

    @Test @IO func `a session has one standalone stream, with keep-alives`() async {
        let server = Fixture.server {
            $0.pulse = .milliseconds(2)
            $0.keepAlive = .milliseconds(4)
        }
        let visitor = Visitor(server)
        let session = await visitor.initialize()
        let stream = Recorder()
        let task = visitor.begin("GET", Visitor.legacy(session), "", stream)
        #expect(await holds { stream.text.contains(": keepalive") })
        #expect(stream.headers["Content-Type"] == "text/event-stream")
        // The client may have lost it before this side noticed: a later one takes its place.
        let second = Recorder()
        let held = visitor.begin("GET", Visitor.legacy(session), "", second)
        await task.value
        #expect(stream.isDone)
        #expect(second.isStream && !second.isDone)
        second.onDisconnect?()
        await held.value
        let third = Recorder()
        let last = visitor.begin("GET", Visitor.legacy(session), "", third)
        #expect(await holds { third.isStream })
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 204)
        await last.value
        #expect(third.isDone)
        var plain = Visitor.legacy(await visitor.initialize())
        plain["Accept"] = "application/json"
        #expect(await visitor.send("GET", plain).status == 406)
    }

    @Test @IO func `progress travels on the request's stream, and cancelling ends it`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        let call =
            #"{"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"wait","#
            + #""_meta":{"progressToken":"t"}}}"#
        let recorder = Recorder()
        let task = visitor.begin("POST", Visitor.legacy(session), call, recorder)
        #expect(await holds { recorder.messages.count == 1 })
        let other = await visitor.initialize()
        _ = await visitor.legacy(other, "notifications/cancelled", ["requestId": "w"], id: nil)
        #expect(!recorder.isDone)
        _ = await visitor.legacy(session, "notifications/cancelled", ["requestId": "w"], id: nil)
        await task.value
        #expect(recorder.isDone)
        #expect(recorder.messages.count == 1)
    }

    @Test @IO func `a disconnect cancels nothing`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        let call =
            #"{"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"wait"}}"#
        let recorder = Recorder()
        let task = visitor.begin("POST", Visitor.legacy(session), call, recorder)
        await IO.task {}.value
        task.cancel()
        let same = await visitor.send("POST", Visitor.legacy(session), call)
        #expect(same.json?["error"]?["code"] == -32600)
        #expect(!recorder.isDone)
        visitor.endpoint.close()
        await task.value
        #expect(recorder.json?["id"] == "w")
        #expect(recorder.json?["error"]?["code"] == 503)
    }

    @Test @IO func `a batch is answered in a 2025-03-26 session alone`() async {
        let visitor = Visitor(Fixture.server())
        let batch =
            #" [{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"#
            + #""tools/call","params":{"name":"echo","arguments":{"text":"a"}}}]"#
        let old = Visitor.legacy(await visitor.initialize("2025-03-26"), version: nil)
        let reply = await visitor.send("POST", old, batch)
        #expect(reply.json?.arrayValue?.count == 2)
        let notes = #"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#
        #expect(await visitor.send("POST", old, notes).status == 202)
        #expect(await visitor.send("POST", old, "[").status == 400)
        let new = Visitor.legacy(await visitor.initialize("2025-06-18"), version: nil)
        #expect(await visitor.send("POST", new, batch).json?["error"]?["code"] == -32600)
        #expect(await visitor.send("POST", Visitor.modernHeaders, batch).status == 400)
    }
}
