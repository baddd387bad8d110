// The behaviours of the HTTP transport alone, on a real socket: sessions, headers, foreign hosts,
// methods that a revision does not have.
import HTTP
import JSON
import Loop
import Net
import Support
import Testing

@testable import MCP

@Suite struct `Scenarios of HTTP` {
    static let legacy = Way.legacy.filter { $0.transport == .http }

    /// Sends one request and waits for the whole response.
    @IO private func send(
        _ client: ScenarioClient, _ method: String, _ headers: HTTPHeaders, _ body: JSON? = nil
    ) async -> Exchange {
        let exchange = client.begin(method, headers, body?.encoded() ?? [])
        #expect(await holds { exchange.isOver })
        return exchange
    }

    private static let ping: JSON = ["jsonrpc": "2.0", "id": "p", "method": "ping"]

    @Test(arguments: legacy) @IO func `a session has an id, and an end`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let id = try #require(client.session)
        #expect(id.utf8.count >= 22 && id.utf8.allSatisfy { (0x21...0x7E).contains($0) })
        #expect(await send(client, "POST", client.headers, Self.ping).status == 200)
        #expect(await send(client, "DELETE", client.headers).status == 204)
        #expect(await send(client, "POST", client.headers, Self.ping).status == 404)
        #expect(await send(client, "DELETE", client.headers).status == 404)
        #expect(await send(client, "GET", client.headers).status == 404)
        var headers = client.headers
        headers["Mcp-Session-Id"] = nil
        #expect(await send(client, "POST", headers, Self.ping).status == 400)
        #expect(await send(client, "GET", headers).status == 400)
    }

    @Test(arguments: legacy) @IO func `batches belong to one revision`(way: Way) async throws {
        let client = try await ScenarioClient(way)
        let reply = await send(
            client, "POST", client.headers,
            [Self.ping, ["jsonrpc": "2.0", "id": 2, "method": "nothing"]])
        if way.revision == .v2025_03_26 {
            #expect(reply.status == 200)
            let replies = reply.messages.first?.arrayValue ?? []
            #expect(replies.count == 2)
            #expect(replies.contains { $0["id"] == "p" && $0["result"] == [:] })
            #expect(replies.contains { $0["id"] == 2 && $0["error"]?["code"] == -32601 })
        } else {
            #expect(reply.status == 400)
        }
    }

    @Test(arguments: [
        "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
        "notifications/initialized", "tasks/list", "tasks/result", "nothing/here",
    ])
    @IO func `a method that is gone is not found`(method: String) async throws {
        let client = try await ScenarioClient(Way(revision: .v2026_07_28, transport: .http))
        let id = client.start(method, id: "an id")
        let reply = try await client.reply(id)
        #expect(reply["error"]?["code"] == -32601)
        #expect(try client.exchange(id).status == 404)
        #expect(client.session == nil)
    }

    @Test(arguments: ["GET", "DELETE", "PUT"])
    @IO func `the modern era has POST alone`(method: String) async throws {
        let client = try await ScenarioClient(Way(revision: .v2026_07_28, transport: .http))
        let reply = await send(client, method, client.headers)
        #expect(reply.status == 405)
        #expect(reply.head?.header("Allow") == "POST")
    }

    @Test(arguments: [
        ("Host", "evil.example", false), ("Host", "evil.example:80", false),
        ("Host", "127.0.0.1.evil.example", false), ("Host", "localhost:1", true),
        ("Host", "[::1]:1", true), ("Origin", "https://evil.example", false),
        ("Origin", "null", false), ("Origin", "http://localhost.evil.example", false),
        ("Origin", "http://localhost:3000", true), ("Origin", "http://127.0.0.1:1", true),
    ]) @IO func `names of this machine are served, others are not`(
        header: String, value: String, isServed: Bool
    ) async throws {
        let client = try await ScenarioClient(Way(revision: .v2026_07_28, transport: .http))
        // The client's own Host is the fixture's address.
        let port = client.port
        let http = HTTPClient(host: header == "Host" ? value : "127.0.0.1:\(port)") {
            () async throws(NetError) in
            try await SocketStream.connect(host: "127.0.0.1", port: port)
        }
        var (headers, body) = Visitor.modern("server/discover")
        if header == "Origin" { headers["Origin"] = value }
        let reply = try await http.post("/mcp", headers: headers, body: Array(body.utf8))
        #expect((reply.status == 200) == isServed)
        #expect((400..<500).contains(reply.status) == !isServed)
    }

    @Test @IO func `a session id and a last event mean nothing in the modern era`() async throws {
        let client = try await ScenarioClient(Way(revision: .v2026_07_28, transport: .http))
        let (plain, body) = Visitor.modern("tools/list")
        var headers = plain
        headers["Mcp-Session-Id"] = "0123456789abcdef"
        headers["Last-Event-ID"] = "1-1"
        let reply = await send(client, "POST", headers, try JSON(parsing: body))
        #expect(reply.status == 200)
        #expect(reply.head?.header("Mcp-Session-Id") == nil)
    }
}
