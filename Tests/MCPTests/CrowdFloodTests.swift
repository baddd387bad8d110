// A crowd at the fixture's port: clients that send as slowly as they may, and streams that stay
// open. Others must hardly notice. Prints the times that 99 of 100 calls stay below.
import HTTP
import JSON
import Loop
import Net
import Support
import Testing

@testable import MCP

@Suite(.timeLimit(.minutes(3))) struct CrowdFloodTests {
    private static let slow = 2_000
    private static let listening = 500
    private static let calls = 400
    /// What a crowd may add to a call: as for hostile clients (`make fairness`).
    private static let allowed = Duration.milliseconds(50)

    @Test @IO func `slow clients and open streams do not slow others`() async throws {
        _ = Process.raiseDescriptorLimit()
        let client = try await ScenarioClient(Way(revision: .v2026_07_28, transport: .http))
        let quiet = try await p99(client.port)
        let streams = try await connect(Self.listening, client.port) { at in
            Self.request("subscriptions/listen", ["notifications": ["toolsListChanged": true]])
        }
        #expect(await holds { streams.allSatisfy { $0.text.contains("acknowledged") } })
        let beside = try await p99(client.port)
        // Each sends one byte of its request in each half second.
        let crowd = try await connect(Self.slow, client.port) { _ in "POST /mcp HTTP/1.1\r\nX: " }
        let drip = LoopTimer(after: .milliseconds(100), repeating: .milliseconds(100)) {
            for at in crowd.indices where Int.random(in: 0..<5) == 0 { crowd[at].send("y") }
        }
        defer { drip.cancel() }
        let crowded = try await p99(client.port)
        let began = IO.now
        _ = try await client.tool("test_trigger_tool_change")
        async let during = p99(client.port)
        #expect(await holds { streams.allSatisfy { $0.text.contains("list_changed") } })
        let told = IO.now - began
        let flooded = try await during
        print(
            """
            crowd p99: alone \(ms(quiet)), beside \(Self.listening) streams \(ms(beside)), and \
            \(Self.slow) slow clients \(ms(crowded)), while all streams are told \(ms(flooded)); \
            all told after \(ms(told))
            """)
        for time in [beside, crowded, flooded] { #expect(time < quiet + Self.allowed) }
        #expect(told < .seconds(2))
        // Who is too slow is told so, and makes room; who listens stays.
        #expect(await holds(within: .seconds(40)) { crowd.allSatisfy(\.isClosed) })
        #expect(crowd.allSatisfy { $0.text.hasPrefix("HTTP/1.1 408") })
        #expect(streams.allSatisfy { !$0.isClosed })
    }

    private func ms(_ time: Duration) -> String {
        "\((time / .milliseconds(1) * 10).rounded() / 10) ms"
    }

    private static func request(_ method: String, _ params: JSON.Object) -> String {
        var params = params
        params["_meta"] = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": [:],
        ]
        let body: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(params),
        ]
        return """
            POST /mcp HTTP/1.1\r
            Host: localhost\r
            Content-Type: application/json\r
            Accept: application/json, text/event-stream\r
            MCP-Protocol-Version: 2026-07-28\r
            Mcp-Method: \(method)\r
            Content-Length: \(body.encoded().count)\r
            \r
            \(body)
            """
    }

    @IO private func connect(
        _ count: Int, _ port: UInt16, _ text: @IO (Int) -> String
    ) async throws -> [Guest] {
        var guests: [Guest] = []
        for at in 0..<count {
            let guest = Guest(try await SocketStream.connect(host: "127.0.0.1", port: port))
            guest.send(text(at))
            guests.append(guest)
        }
        return guests
    }

    /// The time that 99 of 100 calls stay below, one after another on one connection.
    @IO private func p99(_ port: UInt16) async throws -> Duration {
        let client = HTTPClient(host: "127.0.0.1", port: port)
        let (headers, body) = Visitor.modern("tools/list")
        var times: [Duration] = []
        for _ in 0..<Self.calls {
            let began = IO.now
            let reply = try await client.post("/mcp", headers: headers, body: Array(body.utf8))
            times.append(IO.now - began)
            #expect(reply.status == 200)
        }
        return times.sorted()[Self.calls * 99 / 100]
    }
}

/// One connection of the crowd.
@IO private final class Guest {
    private let stream: SocketStream
    private(set) var text = ""
    private(set) var isClosed = false

    init(_ stream: SocketStream) {
        self.stream = stream
        stream.onData = { [weak self] in self?.text += String(decoding: $0, as: UTF8.self) }
        stream.onClose = { [weak self] _ in self?.isClosed = true }
    }

    func send(_ text: String) { stream.write(Array(text.utf8)) }
}
