// Requests that end before their answer is there: each is answered by an error under its id that
// says what to do, unless its own client cancelled it.
import HTTP
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite(.timeLimit(.minutes(1))) struct `Requests that are ended` {
    private let call = #"{"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"wait"}}"#
    private let watched =
        #"{"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"wait","#
        + #""_meta":{"progressToken":"t"}}}"#

    /// Sends a request and waits until its handler runs.
    @IO private func begin(
        _ visitor: Visitor, _ headers: HTTPHeaders, _ body: String
    ) async -> (recorder: Recorder, task: Task<Void, Never>) {
        let recorder = Recorder()
        let task = visitor.begin("POST", headers, body, recorder)
        await IO.task {}.value
        return (recorder, task)
    }

    @IO private func expect(
        _ reply: JSON?, id: JSON, code: JSON, says words: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(reply?["id"] == id, sourceLocation: location)
        #expect(reply?["error"]?["code"] == code, sourceLocation: location)
        let message = reply?["error"]?["message"]?.stringValue ?? ""
        #expect(message.contains(words), "\(message)", sourceLocation: location)
    }

    @Test @IO func `deleting a session answers what runs in it`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        let waiting = await begin(visitor, Visitor.legacy(session), call)
        let batched = Visitor.legacy(await visitor.initialize("2025-03-26"), version: nil)
        let batch = await begin(visitor, batched, "[\(call)]")
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 204)
        #expect(await visitor.send("DELETE", batched).status == 204)
        await waiting.task.value
        #expect(waiting.recorder.status == 200)
        expect(waiting.recorder.json, id: "w", code: 503, says: "send initialize")
        await batch.task.value
        expect(batch.recorder.json?[0], id: "w", code: 503, says: "send initialize")
    }

    @Test @IO func `an event stream that has begun ends with the error`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        let waiting = await begin(visitor, Visitor.legacy(session), watched)
        #expect(await holds { waiting.recorder.messages.count == 1 })
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 204)
        await waiting.task.value
        #expect(waiting.recorder.isDone)
        #expect(waiting.recorder.messages.count == 2)
        expect(waiting.recorder.json, id: "w", code: 503, says: "send initialize")
    }

    @Test @IO func `a server that stops answers all that runs, in either era and over lines`()
        async
    {
        let server = Fixture.server()
        let visitor = Visitor(server)
        let legacy = await begin(visitor, Visitor.legacy(await visitor.initialize()), call)
        let (headers, body) = Visitor.modern("tools/call", ["name": "wait"])
        let modern = await begin(visitor, headers, body)
        let (_, asked) = Visitor.modern(
            "tools/call", ["name": "wait"], meta: ["progressToken": "t"])
        let streamed = await begin(visitor, headers, asked)
        #expect(await holds { streamed.recorder.messages.count == 1 })
        let lines = LineClient(server)
        let line = lines.start("tools/call", ["name": "wait"])
        _ = await lines.initialize("2025-11-25")
        let old = lines.send("tools/call", ["name": "wait"], .newestLegacy)
        let cancelled = lines.send("tools/call", ["name": "wait"], .newestLegacy)
        lines.line([
            "jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": ["requestId": cancelled],
        ])

        await server.stop(grace: .milliseconds(20), saying: "gone: connect again")
        for waiting in [legacy, modern, streamed] { await waiting.task.value }
        expect(legacy.recorder.json, id: "w", code: 503, says: "connect again")
        #expect(legacy.recorder.status == 200)
        expect(modern.recorder.json, id: 1, code: 503, says: "connect again")
        #expect(modern.recorder.status == 503)
        expect(streamed.recorder.json, id: 1, code: 503, says: "connect again")
        expect(await lines.reply(line), id: line, code: 503, says: "connect again")
        expect(await lines.reply(old), id: old, code: 503, says: "connect again")
        #expect(!lines.messages.contains { $0["id"] == cancelled })
        // What comes afterwards is told the same at once.
        let late = await visitor.send("POST", headers, body)
        expect(late.json, id: 1, code: 503, says: "connect again")
    }

    @Test @IO func `what can finish while the server stops does`() async {
        let (server, release) = Self.stubborn()
        let visitor = Visitor(server)
        let session = await visitor.initialize()
        let waiting = await begin(
            visitor, Visitor.legacy(session), call.replacing("wait", with: "stubborn"))
        let stopping = IO.task { await server.stop(grace: .seconds(30), saying: "gone") }
        await IO.task {}.value
        release.set(())
        await stopping.value
        await waiting.task.value
        #expect(waiting.recorder.text.contains("the output"))
    }

    /// A tool that does not notice its cancellation, and what makes it return.
    @IO private static func stubborn() -> (MCPServer, Once<Void>) {
        let release = Once<Void>()
        let tool = Tool(
            name: "stubborn", title: "Stubborn", description: "Waits.",
            inputSchema: ["type": "object"], annotations: Fixture.harmless
        ) { _ in
            await release.wait()
            return ToolResult(text: "the output")
        }
        let server = MCPServer(
            info: Implementation(name: "fixture", version: "1"), tools: [tool, Fixture.wait])
        return (server, release)
    }

    @Test @IO func `a revoked principal's requests, streams and sessions end`() async {
        let server = Fixture.server()
        let visitor = Visitor(server)
        let session = await visitor.initialize()
        let legacy = await begin(visitor, Visitor.legacy(session), call)
        let (headers, body) = Visitor.modern("tools/call", ["name": "wait"])
        let modern = await begin(visitor, headers, body)
        let stream = Recorder()
        let held = visitor.begin("GET", Visitor.legacy(session), "", stream)
        #expect(await holds { stream.isStream })
        var others = Visitor.legacy(await visitor.initialize(token: "Bearer bob"))
        others["Authorization"] = "Bearer bob"
        let other = await begin(visitor, others, call)

        visitor.endpoint.end(principal: "ada", saying: "revoked: ask for another")
        await legacy.task.value
        await modern.task.value
        await held.value
        expect(legacy.recorder.json, id: "w", code: 401, says: "ask for another")
        #expect(legacy.recorder.status == 200)
        expect(modern.recorder.json, id: 1, code: 401, says: "ask for another")
        #expect(modern.recorder.status == 401)
        #expect(modern.recorder.headers["WWW-Authenticate"]?.contains("invalid_token") == true)
        #expect(stream.isDone)
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 404)
        #expect(!other.recorder.isDone)
        #expect(await visitor.send("DELETE", others).status == 204)
        await other.task.value
    }

    @Test @IO func `output that comes after the revocation is not delivered`() async {
        let (server, release) = Self.stubborn()
        let visitor = Visitor(server)
        let session = await visitor.initialize()
        let body = call.replacing("wait", with: "stubborn")
        let legacy = await begin(visitor, Visitor.legacy(session), body)
        let (headers, asked) = Visitor.modern("tools/call", ["name": "stubborn"])
        let modern = await begin(visitor, headers, asked)
        visitor.endpoint.end(principal: "ada", saying: "revoked: ask for another")
        release.set(())
        for waiting in [legacy, modern] {
            await waiting.task.value
            #expect(!waiting.recorder.text.contains("the output"))
            #expect(waiting.recorder.json?["error"]?["code"] == 401)
        }
    }

    @Test @IO func `an id that was cancelled is free again at once`() async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        let first = await begin(visitor, Visitor.legacy(session), call)
        _ = await visitor.legacy(session, "notifications/cancelled", ["requestId": "w"], id: nil)
        let second = await begin(visitor, Visitor.legacy(session), call)
        await first.task.value
        #expect(first.recorder.isStream && first.recorder.isDone && first.recorder.json == nil)
        // The end of the first has not taken the place of the second.
        let third = await visitor.send("POST", Visitor.legacy(session), call)
        #expect(third.json?["error"]?["code"] == -32600)
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 204)
        await second.task.value
        expect(second.recorder.json, id: "w", code: 503, says: "send initialize")
    }
}
