// What clients are told of beside their requests: the streams of 2026-07-28, and the sessions of
// the older revisions, over HTTP and stdio against the fixture.
import Glibc
import HTTP
import JSON
import Loop
import Support
import Testing

@testable import MCP

@Suite struct `Subscriptions` {
    private static let acknowledged = "notifications/subscriptions/acknowledged"
    private static let tools = "notifications/tools/list_changed"
    private static let prompts = "notifications/prompts/list_changed"
    private static let resources = "notifications/resources/list_changed"
    private static let updated = "notifications/resources/updated"
    private static let watched: JSON = "test://watched-resource"

    /// The subscription that a notification belongs to.
    private func subscription(_ message: JSON) -> JSON? {
        message["params"]?["_meta"]?[MetaKey.subscription]
    }

    @Test(arguments: Way.modern) @IO
    func `a stream is acknowledged, and carries what was asked for`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let number = client.start(
            "subscriptions/listen", ["notifications": ["toolsListChanged": true]])
        #expect(await client.has(1, Self.acknowledged))
        let text = client.start(
            "subscriptions/listen",
            [
                "notifications": [
                    "promptsListChanged": true, "resourcesListChanged": true,
                    "toolsListChanged": false, "somethingNew": true,
                    "resourceSubscriptions": [Self.watched, "test://no", Self.watched],
                ]
            ], id: "a text")
        #expect(await client.has(2, Self.acknowledged))
        let granted = client.notices(Self.acknowledged)
        #expect(granted.map(subscription) == [number, text])
        #expect(granted[0]["params"]?["notifications"] == ["toolsListChanged": true])
        #expect(
            granted[1]["params"]?["notifications"] == [
                "promptsListChanged": true, "resourcesListChanged": true,
                "resourceSubscriptions": [Self.watched],
            ])
        _ = try await client.tool("test_trigger_tool_change")
        _ = try await client.tool("test_trigger_prompt_change")
        _ = try await client.tool("test_trigger_resource_change")
        _ = try await client.tool("test_trigger_resource_update")
        for method in [Self.tools, Self.prompts, Self.resources, Self.updated] {
            #expect(await client.has(1, method), "\(method)")
            let wanted = method == Self.tools ? number : text
            #expect(client.notices(method).map(subscription) == [wanted])
        }
        #expect(client.notices(Self.updated)[0]["params"]?["uri"] == Self.watched)
        let list = try await client.call("tools/list")
        #expect(list["result"]?["tools"]?.arrayValue?.last?["name"] == "test_triggered_tool")
        let prompts = try await client.call("prompts/list")
        #expect(
            prompts["result"]?["prompts"]?.arrayValue?.last?["name"] == "test_triggered_prompt")
        guard way.transport == .http else { return }
        // Each message came on its own stream, the acknowledgement first.
        let first = try client.exchange(number)
        #expect(
            first.messages.compactMap { $0["method"]?.stringValue }
                == [Self.acknowledged, Self.tools])
        #expect(first.head?.header("Content-Type") == "text/event-stream")
        #expect(first.head?.header("Cache-Control") == "no-cache, no-transform")
        #expect(first.events.allSatisfy { $0.id == nil && $0.retry == nil })
        let second = try client.exchange(text)
        #expect(second.messages.first?["method"]?.stringValue == Self.acknowledged)
        #expect(second.messages.count == 4)
    }

    @Test(arguments: Way.modern) @IO
    func `what comes fast is merged, and the last of it is told`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        client.start(
            "subscriptions/listen", ["notifications": ["resourceSubscriptions": [Self.watched]]])
        #expect(await client.has(1, Self.acknowledged))
        let began = ContinuousClock.now
        for _ in 0..<40 { _ = try await client.tool("test_trigger_resource_update") }
        let called = ContinuousClock.now - began
        #expect(await client.has(2, Self.updated))
        #expect(ContinuousClock.now - began >= .milliseconds(450))
        // The first at once, then at most one each 500 ms.
        let most = 2 + Int(called / .milliseconds(500))
        #expect(client.notices(Self.updated).count <= most)
    }

    @Test(arguments: Way.modern) @IO
    func `a bad filter is refused, and nothing stays of it`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        for filter in [
            nil, 7, ["toolsListChanged": "yes"], ["resourceSubscriptions": "test://a"],
            ["resourceSubscriptions": [1]],
            ["resourceSubscriptions": .array((0..<300).map { .string("test://\($0)") })],
        ] as [JSON?] {
            var params: JSON.Object = [:]
            params["notifications"] = filter
            let reply = try await client.call("subscriptions/listen", params)
            #expect(reply["error"]?["code"] == -32602, "\(reply)")
        }
        #expect(client.notices(Self.acknowledged).isEmpty)
        if way.transport == .http {
            var headers = client.headers
            headers["Accept"] = "application/json"
            headers["Mcp-Method"] = "subscriptions/listen"
            let refused = client.begin("POST", headers, Self.listen(1).encoded())
            #expect(await holds { refused.isOver })
            #expect(refused.status == 406)
        }
    }

    private static func listen(_ id: JSON) -> JSON {
        [
            "jsonrpc": "2.0", "id": id, "method": "subscriptions/listen",
            "params": [
                "notifications": ["toolsListChanged": true],
                "_meta": [
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": [:],
                ],
            ],
        ]
    }

    /// The client leaves, or says on the line that it no longer listens.
    @Test(arguments: Way.modern) @IO
    func `a stream that its client ends is silent`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let filter: JSON.Object = ["notifications": ["toolsListChanged": true]]
        let first = client.start("subscriptions/listen", filter)
        let second = client.start("subscriptions/listen", filter)
        #expect(await client.has(2, Self.acknowledged))
        switch way.transport {
        case .http: try client.exchange(first).close()
        case .stdio: client.notify("notifications/cancelled", ["requestId": first])
        }
        _ = try await client.tool("test_simple_text")
        _ = try await client.tool("test_trigger_tool_change")
        #expect(await client.has(1, Self.tools))
        #expect(client.notices(Self.tools).compactMap(subscription).contains(second))
        if way.transport == .stdio {
            #expect(client.notices(Self.tools).map(subscription) == [second])
            #expect(client.received.allSatisfy { $0["id"] != first })
        }
    }

    @Test(arguments: Way.modern) @IO
    func `a server that ends gives each stream its result`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let id = client.start(
            "subscriptions/listen", ["notifications": ["toolsListChanged": true]])
        #expect(await client.has(1, Self.acknowledged))
        let began = ContinuousClock.now
        switch way.transport {
        case .http: client.program.signal(SIGTERM)
        case .stdio: client.program.endInput()
        }
        let reply = try await client.reply(id)
        #expect(reply["result"]?["resultType"] == "complete")
        #expect(reply["result"]?["_meta"]?[MetaKey.subscription] == id)
        #expect(try await client.program.finished() == .exited(0))
        #expect(ContinuousClock.now - began < .seconds(1))
        let cancelled = client.notices("notifications/cancelled")
        switch way.transport {
        case .http:
            let exchange = try client.exchange(id)
            #expect(await holds { exchange.isOver })
            #expect(cancelled.isEmpty)
        case .stdio: #expect(cancelled.map { $0["params"]?["requestId"] } == [id])
        }
    }

    @Test(arguments: Way.legacy) @IO
    func `a session is told of lists, and of what it watches`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        var stream: Exchange?
        if way.transport == .http {
            stream = client.openStream()
            #expect(await holds { stream?.status == 200 })
        }
        let subscribed = try await client.call("resources/subscribe", ["uri": Self.watched])
        #expect(subscribed["result"] == [:])
        let missing = try await client.call("resources/subscribe", ["uri": "test://no"])
        #expect(missing["error"]?["code"] == -32002)
        for name in ["tool_change", "prompt_change", "resource_change", "resource_update"] {
            _ = try await client.tool("test_trigger_\(name)")
        }
        for method in [Self.tools, Self.prompts, Self.resources, Self.updated] {
            #expect(await client.has(1, method), "\(method)")
        }
        #expect(client.notices(Self.updated)[0]["params"] == ["uri": Self.watched])
        if let stream {
            // A message goes to exactly one stream: this one.
            #expect(stream.messages.count == 4)
            #expect(client.received.filter { $0["method"] != nil }.count == 4)
            #expect(Set(stream.events.compactMap(\.id)).count == stream.events.count)
        }
        let ended = try await client.call("resources/unsubscribe", ["uri": Self.watched])
        #expect(ended["result"] == [:])
        try await Task.sleep(for: .milliseconds(600))  // the end of the interval
        _ = try await client.tool("test_trigger_resource_update")
        _ = try await client.tool("test_trigger_tool_change")
        #expect(await client.has(2, Self.tools))
        #expect(client.notices(Self.updated).count == 1)
        #expect(try await client.call("subscriptions/listen")["error"]?["code"] == -32601)
    }
}

/// The parts that need a server of the test's own.
@Suite struct `Subscriptions in a server` {
    /// Each principal may watch what ends with its name; for some of it the host is silent.
    @IO @Sendable private static func admit(
        _ uri: String, _ principal: Principal
    ) async throws(MCPError) -> any Sendable {
        guard uri.hasSuffix(principal.name) else { throw .resourceNotFound(uri: uri) }
        if uri.hasPrefix("test://silent/") { try? await IO.sleep(for: .seconds(60)) }
        if uri.hasPrefix("test://held/") { await gate.wait() }
        return uri
    }

    /// Opened by the test whose host takes its time.
    @IO private static let gate = Once<Void>()

    private func server(
        announcing: Set<ListKind> = [], watch: Bool = true,
        _ change: (inout MCPLimits) -> Void = { _ in }
    ) async -> MCPServer {
        var limits = MCPLimits()
        change(&limits)
        let resources = Resources(
            list: { _ in [] },
            read: { (call) throws(Interruption) in throw .failed(.resourceNotFound(uri: call.uri))
            },
            watch: watch ? Self.admit : nil)
        return await MCPServer(
            info: Implementation(name: "s", version: "1"), tools: [Fixture.echo],
            resources: resources, announcing: announcing, limits: limits)
    }

    @Test @IO func `what is not offered cannot be listened to`() async {
        let client = LineClient(await server(watch: false))
        let reply = await client.modern("subscriptions/listen", ["notifications": [:]])
        #expect(reply?["error"]?["code"] == -32601)
        let about = await client.modern("server/discover")
        #expect(about?["result"]?["capabilities"]?["resources"] == [:])
        #expect(about?["result"]?["capabilities"]?["logging"] == nil)
        #expect(await client.initialize("2025-11-25") != nil)
        for method in ["resources/subscribe", "resources/unsubscribe", "logging/setLevel"] {
            #expect(await client.call(method, ["uri": "a"])?["error"]?["code"] == -32601)
        }
    }

    @Test @IO func `a principal is told only of what it may watch`() async {
        let server = await server()
        let client = LineClient(server)
        client.start(
            "subscriptions/listen",
            ["notifications": ["resourceSubscriptions": ["test://ada", "test://bob"]]])
        #expect(await holds { client.messages.count == 1 })
        #expect(
            client.messages[0]["params"]?["notifications"]
                == ["resourceSubscriptions": ["test://ada"]])
        #expect(server.isWatched("test://ada") && !server.isWatched("test://bob"))
        server.resourceUpdated("test://bob")
        server.toolsChanged()
        server.resourceUpdated("test://ada")
        #expect(await holds { client.messages.count == 2 })
        #expect(client.messages[1]["params"]?["uri"] == "test://ada")
    }

    @Test @IO func `a change during the admission is sent after the acknowledgement`() async {
        let server = await server()
        let client = LineClient(server)
        client.start(
            "subscriptions/listen",
            ["notifications": ["resourceSubscriptions": ["test://held/ada", "test://bob"]]])
        #expect(await holds { server.isWatched("test://held/ada") })
        #expect(client.messages.isEmpty)
        for _ in 0..<3 { server.resourceUpdated("test://held/ada") }
        server.resourceUpdated("test://bob")
        Self.gate.set(())
        #expect(await holds { client.messages.count == 2 })
        #expect(client.messages[0]["method"] == "notifications/subscriptions/acknowledged")
        #expect(client.messages[1]["params"]?["uri"] == "test://held/ada")
        #expect(!server.isWatched("test://bob"))
    }

    @Test @IO func `a silent host holds the acknowledgement up once, not for each URI`() async {
        let server = await server { $0.subscriptions.admission = .milliseconds(500) }
        let client = LineClient(server)
        // One after the other, they would take more than the 30 s that the test waits.
        var uris = (0..<200).map { JSON.string("test://silent/\($0)/ada") }
        uris.append("test://ada")
        client.start(
            "subscriptions/listen", ["notifications": ["resourceSubscriptions": .array(uris)]])
        #expect(await holds { client.messages.count == 1 })
        #expect(
            client.messages.first?["params"]?["notifications"]
                == ["resourceSubscriptions": ["test://ada"]])
        #expect(server.isWatched("test://ada") && !server.isWatched("test://silent/0/ada"))
    }

    @Test @IO func `streams have a limit for all principals, and the error says so`() async {
        let server = await server(announcing: [.tools]) { $0.subscriptions.streams = 1 }
        let (one, two) = (LineClient(server), LineClient(server, as: Fixture.bob))
        let filter: JSON.Object = ["notifications": ["toolsListChanged": true]]
        one.start("subscriptions/listen", filter)
        #expect(await holds { one.messages.count == 1 })
        let refused = await two.modern("subscriptions/listen", filter)?["error"]
        #expect(refused?["code"] == 429)
        let why = refused?["message"]?.stringValue ?? ""
        #expect(why.contains("1 subscription streams open") && why.contains("retry later"))
    }

    @Test @IO func `streams have a limit for each principal, and places come back`() async {
        let server = await server(announcing: [.tools]) { $0.subscriptions.streamsPerPrincipal = 2 }
        let client = LineClient(server)
        let filter: JSON.Object = ["notifications": ["toolsListChanged": true]]
        let first = client.start("subscriptions/listen", filter)
        client.start("subscriptions/listen", filter)
        let third = await client.modern("subscriptions/listen", filter)
        #expect(third?["error"]?["code"] == 429)
        let other = LineClient(server, as: Fixture.bob)
        other.start("subscriptions/listen", filter)
        #expect(await holds { other.messages.count == 1 })
        client.line([
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": first],
        ])
        await IO.task {}.value
        let before = client.messages.count
        client.start("subscriptions/listen", filter)
        #expect(await holds { client.messages.count == before + 1 })
        #expect(client.messages.last?["method"] == "notifications/subscriptions/acknowledged")
    }

    @Test @IO func `a principal that is revoked hears nothing more`() async {
        let server = await server(announcing: [.tools])
        let client = LineClient(server)
        let id = client.start(
            "subscriptions/listen", ["notifications": ["toolsListChanged": true]])
        #expect(await holds { client.messages.count == 1 })
        server.end(principal: "ada", saying: "gone")
        #expect(await client.reply(id)?["error"]?["code"] == 401)
        server.toolsChanged()
        await IO.task {}.value
        #expect(client.messages.count == 2)
    }

    @Test @IO func `a session hears nothing before it is initialized, nor after its end`() async {
        let server = await server(announcing: [.tools])
        let visitor = Visitor(server)
        let session = await visitor.initialize()
        let stream = Recorder()
        let held = visitor.begin("GET", Visitor.legacy(session), "", stream)
        #expect(await holds { stream.isStream })
        server.toolsChanged()
        _ = await visitor.legacy(session, "notifications/initialized", id: nil)
        #expect(stream.messages.isEmpty)
        server.toolsChanged()
        #expect(await holds { stream.messages.count == 1 })
        #expect(await visitor.send("DELETE", Visitor.legacy(session)).status == 204)
        await held.value
        #expect(!server.subscriptions.bus.hasSubscribers(to: .list(.tools)))
    }

    @Test @IO func `many are told, a few in each turn`() async {
        let server = await server(announcing: [.tools]) {
            $0.subscriptions.streamsPerPrincipal = 200
        }
        let clients = (0..<200).map { _ in LineClient(server, checksSchema: false) }
        for client in clients {
            client.start("subscriptions/listen", ["notifications": ["toolsListChanged": true]])
        }
        #expect(await holds { clients.allSatisfy { $0.messages.count == 1 } })
        server.toolsChanged()
        #expect(clients.allSatisfy { $0.messages.count == 1 })
        #expect(await holds { clients.allSatisfy { $0.messages.count == 2 } })
    }
}
