// Event streams of legacy sessions that a client loses and comes back to.
import HTTP
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `Streams that are resumed` {
    /// A call that closes its own connection: the client gets the result from another one.
    @Test @IO func `a call may close its stream, and its result is fetched`() async throws {
        let client = try await ScenarioClient(
            Way(revision: .v2025_11_25, transport: .http))
        let id = client.start("tools/call", ["name": "test_reconnection", "arguments": [:]])
        let exchange = try client.exchange(id)
        #expect(await holds { exchange.isOver })
        #expect(exchange.status == 200)
        #expect(exchange.messages.isEmpty)
        // One event without data, which says where to go on and how long to wait.
        #expect(exchange.events.count == 1)
        #expect(exchange.events[0].data.isEmpty)
        #expect(exchange.events[0].retry == 500)
        let last = try #require(exchange.events[0].id)
        let resumed = client.openStream(after: last)
        let reply = try await client.reply(id)
        #expect(
            reply["result"]?["content"]?[0]?["text"]
                == "Reconnection test completed successfully.")
        #expect(await holds { resumed.isOver })
        #expect(resumed.messages.count == 1)
        // Once more, from the buffer, after the end.
        let again = client.openStream(after: last)
        #expect(await holds { again.isOver })
        #expect(again.messages == resumed.messages)
    }

    /// Where the client could not know an id, the stream stays.
    @Test(arguments: Way.all.filter { $0.transport == .stdio || $0.revision != .v2025_11_25 })
    @IO func `elsewhere the same call keeps its stream`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let result = try await client.tool("test_reconnection")
        #expect(
            result["content"]?[0]?["text"] == "Reconnection test completed successfully.")
        #expect(client.received.filter { $0["result"]?["content"] != nil }.count == 1)
    }

    @Test(arguments: ["2025-03-26", "2025-06-18", "2025-11-25"])
    @IO func `a lost stream goes on where it was, and only that one`(version: String) async throws {
        let visitor = Visitor(Fixture.server { $0.progress.interval = .zero })
        let session = await visitor.initialize(version)
        let lost = Recorder()
        let task = visitor.begin(
            "POST", Visitor.legacy(session, version: version), Self.call("wait", "w"), lost)
        let other = Recorder()
        let steps = visitor.begin(
            "POST", Visitor.legacy(session, version: version), Self.call("steps", "s"), other)
        await steps.value
        #expect(await holds { lost.messages.count == 1 })
        // The priming event belongs to one revision; ids belong to all.
        let isPrimed = version == "2025-11-25"
        #expect(lost.text.hasPrefix("id: 1-0\ndata: \nretry: ") == isPrimed)
        #expect(other.events.filter { !$0.data.isEmpty }.map(\.id) == ["2-1", "2-2", "2-3", "2-4"])
        lost.onDisconnect?()
        #expect(
            await visitor.legacy(session, "notifications/cancelled", ["requestId": "w"], id: nil)
                .status == 202)
        await task.value
        // What the client has not seen of one stream, and nothing of another.
        let missed = await visitor.send("GET", Self.headers(session, version, after: "2-2"))
        #expect(missed.events.filter { !$0.data.isEmpty }.map(\.id) == ["2-3", "2-4"])
        #expect(missed.isDone)
        #expect(missed.json?["id"] == "s")
        // A cancelled request has no reply, also for who comes back.
        let silent = await visitor.send("GET", Self.headers(session, version, after: "1-1"))
        #expect(silent.isDone && silent.messages.isEmpty)
        let all = await visitor.send("GET", Self.headers(session, version, after: "1-0"))
        #expect(all.messages.map { $0["method"] } == ["notifications/progress"])
    }

    @Test @IO func `what a client missed is sent again, however long it is`() async {
        // Each message is longer than what may wait for a slow client.
        let visitor = Visitor(
            Fixture.server {
                $0.progress.interval = .zero
                $0.queuedBytes = 10
            })
        let session = await visitor.initialize()
        let first = Recorder()
        await visitor.begin("POST", Visitor.legacy(session), Self.call("steps", "s"), first).value
        #expect(first.messages.count == 1)
        let again = await visitor.send("GET", Self.headers(session, "2025-11-25", after: "1-0"))
        #expect(
            again.events.filter { !$0.data.isEmpty }.map(\.id) == ["1-1", "1-2", "1-3", "1-4"])
        #expect(again.isDone && again.json?["id"] == "s")
    }

    @Test @IO func `a disconnect cancels nothing, and the reply waits`() async throws {
        let server = Fixture.server { $0.progress.interval = .zero }
        let visitor = Visitor(server)
        let session = await visitor.initialize()
        let lost = Recorder()
        let task = visitor.begin("POST", Visitor.legacy(session), Self.call("wait", "w"), lost)
        #expect(await holds { lost.messages.count == 1 })
        lost.onDisconnect?()
        let resumed = Recorder()
        let held = visitor.begin(
            "GET", Self.headers(session, "2025-11-25", after: "1-1"), "", resumed)
        #expect(await holds { resumed.isStream })
        // A second connection takes the place of the first.
        let second = Recorder()
        let last = visitor.begin(
            "GET", Self.headers(session, "2025-11-25", after: "1-1"), "", second)
        await held.value
        await server.stop(grace: .zero, saying: "the server stops")
        await task.value
        await last.value
        #expect(resumed.messages.isEmpty && resumed.isDone)
        #expect(second.json?["error"]?["code"] == 503 && second.isDone)
        #expect(lost.messages.count == 1)
    }

    @Test @IO func `what comes while nobody listens is sent to who comes back`() async {
        let server = MCPServer(
            info: Implementation(name: "s", version: "1"), tools: [Fixture.echo],
            announcing: [.tools, .prompts],
            limits: Self.limits {
                $0.sessions.replay.messages = 2
                $0.subscriptions.interval = .milliseconds(1)
            })
        let visitor = Visitor(server)
        let session = await visitor.initialize()
        _ = await visitor.legacy(session, "notifications/initialized", id: nil)
        // Before the first stream nothing is kept: its client could not name an event.
        server.toolsChanged()
        let first = Recorder()
        let held = visitor.begin("GET", Visitor.legacy(session), "", first)
        #expect(await holds { first.isStream })
        #expect(first.messages.isEmpty)
        let known = first.events.last?.id
        first.onDisconnect?()
        await held.value
        let stream = visitor.endpoint.sessions.find(session, Fixture.ada)?.streams.standalone
        for count in 1...3 {
            server.promptsChanged()
            #expect(await holds { stream?.place == count + 1 })
        }
        let second = Recorder()
        let next = visitor.begin(
            "GET", Self.headers(session, "2025-11-25", after: known), "", second)
        #expect(await holds { second.messages.count == 2 })
        #expect(second.events.filter { !$0.data.isEmpty }.map(\.id) == ["0-3", "0-4"])
        // It is the session's stream again.
        server.toolsChanged()
        #expect(await holds { second.messages.count == 3 })
        visitor.endpoint.close()
        await next.value
    }

    @Test(arguments: ["9-1", "1-9", "x", "1", "1-", "-1-1", "1-1-1", "999999999999999999999-1"])
    @IO func `an event that is not kept is refused`(id: String) async {
        let visitor = Visitor(Fixture.server())
        let session = await visitor.initialize()
        let reply = await visitor.send("GET", Self.headers(session, "2025-11-25", after: id))
        #expect(reply.status == 400)
        #expect(reply.text.contains("is not kept"))
    }

    @Test @IO func `what is kept is bounded in streams, bytes and time`() async throws {
        let visitor = Visitor(
            Fixture.server {
                $0.progress.interval = .zero
                $0.sessions.replay.streams = 3
                $0.sessions.replay.principalBytes = 2000
            })
        let session = await visitor.initialize()
        let headers = Visitor.legacy(session)
        for at in 1...5 {
            await visitor.begin("POST", headers, Self.call("steps", "s\(at)"), Recorder()).value
        }
        let streams = try #require(visitor.endpoint.sessions.find(session, Fixture.ada)).streams
        let kept = (1...5).filter { streams.find("\($0)-0") != nil }
        #expect(kept.last == 5 && kept.count <= 3 && !kept.isEmpty)
        // The bytes of those that are gone are free again.
        for at in 6...40 {
            await visitor.begin("POST", headers, Self.call("steps", "s\(at)"), Recorder()).value
        }
        let newest = await visitor.send("GET", Self.headers(session, "2025-11-25", after: "40-0"))
        #expect(newest.json?["id"] == "s40")
        visitor.endpoint.sessions.beat(IO.now + .seconds(121))
        #expect(streams.find("40-0") == nil)
        #expect(await visitor.legacy(session, "ping").status == 200)
    }

    private static func limits(_ change: (inout MCPLimits) -> Void) -> MCPLimits {
        var limits = MCPLimits()
        change(&limits)
        return limits
    }

    private static func call(_ tool: String, _ id: String) -> String {
        #"{"jsonrpc":"2.0","id":"\#(id)","method":"tools/call","params":{"name":"\#(tool)","#
            + #""_meta":{"progressToken":"t"}}}"#
    }

    @IO private static func headers(
        _ session: String, _ version: String, after event: String?
    ) -> HTTPHeaders {
        var headers = Visitor.legacy(session, version: version)
        headers["Last-Event-ID"] = event
        return headers
    }
}
