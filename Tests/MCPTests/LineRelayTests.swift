// A stdio client whose server is replaced: it keeps what it has settled, and sees one reply for
// each request.
import JSON
import Loop
import Net
import Support
import Testing

@testable import MCP

@Suite struct `A line whose server is replaced` {
    @IO private static func server() -> MCPServer {
        MCPServer(
            info: Implementation(name: "s", version: "1"), tools: [Fixture.echo, logs, asks],
            resources: Resources(
                list: { _ in [] },
                read: { (call) throws(Interruption) in
                    throw .failed(.resourceNotFound(uri: call.uri))
                },
                watch: { (uri, _) throws(MCPError) in uri }),
            announcing: [.tools], logging: Logging())
    }

    private static let logs = Tool(
        name: "logs", title: "Logs", description: "Logs.", inputSchema: ["type": "object"],
        annotations: Fixture.harmless
    ) { call in
        call.log(.info, "hello")
        return ToolResult(text: "logged")
    }

    private static let asks = Tool(
        name: "asks", title: "Asks", description: "Asks.", inputSchema: ["type": "object"],
        annotations: Fixture.harmless
    ) { (call) throws(Interruption) in
        let answers = try call.ask(.form("sure", "Sure?", [FormField("ok", .boolean())]))
        return ToolResult(text: .string("\(answers["sure"])"))
    }

    @Test @IO func `questions and answers pass, and a new server ignores old answers`()
        async throws
    {
        let (near, far) = MemoryStream.pair()
        let client = Talker(near)
        let relay = MCPLineRelay(client: far)
        func serve() -> (MemoryStream, Task<Void, Never>) {
            let (out, end) = MemoryStream.pair()
            let lines = MCPLines(server: Self.server(), principal: Fixture.ada, stream: end)
            IO.task { await lines.run() }
            return (out, IO.task { await relay.serve(through: out) })
        }
        func question(_ count: Int) async throws -> JSON {
            let asked = await eventually {
                let all = client.received.filter { $0["method"] == "elicitation/create" }
                return all.count == count ? all.last?["id"] : nil
            }
            return try #require(asked)
        }
        let (line, served) = serve()
        let declared: JSON = ["elicitation": [:]]
        client.send(
            "initialize", id: 0, ["protocolVersion": "2025-11-25", "capabilities": declared])
        client.send("notifications/initialized", id: nil)
        client.send("tools/call", id: 1, ["name": "asks"])
        client.answer(try await question(1), ["action": "decline"])
        let text = await eventually {
            client.received.first { $0["id"] == 1 }?["result"]?["content"]?[0]?["text"]
        }
        #expect(text == "declined")
        // The next call loses its server while its question is open.
        client.send("tools/call", id: 2, ["name": "asks"])
        let lost = try await question(2)
        line.close(nil)
        await served.value
        relay.fail(saying: "The server was replaced.")
        let (_, next) = serve()
        client.send("tools/call", id: 3, ["name": "asks"])
        let last = try await question(3)
        #expect(last != lost)
        client.answer(lost, ["action": "accept", "content": ["ok": true]])
        client.answer(last, ["action": "cancel"])
        let later = await eventually {
            client.received.first { $0["id"] == 3 }?["result"]?["content"]?[0]?["text"]
        }
        #expect(later == "cancelled")
        #expect(client.received.first { $0["id"] == 2 }?["error"] != nil)
        near.close(nil)
        await next.value
    }

    @Test @IO func `a new server is told what the last one was`() async throws {
        let (near, far) = MemoryStream.pair()
        let client = Talker(near)
        let relay = MCPLineRelay(client: far)
        func serve(_ server: MCPServer) -> (MemoryStream, Task<Void, Never>) {
            let (out, end) = MemoryStream.pair()
            let lines = MCPLines(server: server, principal: Fixture.ada, stream: end)
            IO.task { await lines.run() }
            return (out, IO.task { await relay.serve(through: out) })
        }
        let first = Self.server()
        let (line, served) = serve(first)
        client.send(
            "initialize", id: 0, ["protocolVersion": "2025-11-25", "capabilities": [:]])
        client.send("notifications/initialized", id: nil)
        client.send("logging/setLevel", id: 1, ["level": "info"])
        for (id, uri) in [(2, "test://a"), (3, "test://b")] as [(JSON, JSON)] {
            client.send("resources/subscribe", id: id, ["uri": uri])
        }
        client.send("resources/unsubscribe", id: 4, ["uri": "test://b"])
        #expect(await holds { client.received.count == 5 })
        line.close(nil)
        await served.value
        // A request that comes meanwhile waits for the next server.
        client.send("tools/call", id: 5, ["name": "logs"])
        let second = Self.server()
        let (_, next) = serve(second)
        #expect(await holds { client.received.contains { $0["id"] == 5 } })
        #expect(second.isWatched("test://a") && !second.isWatched("test://b"))
        second.resourceUpdated("test://a")
        second.toolsChanged()
        #expect(await holds { client.received.count == 9 })
        // Each request has one reply; what the relay asked by itself has none here.
        #expect(client.received.compactMap { $0["id"] } == [0, 1, 2, 3, 4, 5])
        let notices = client.received.compactMap { $0["method"]?.stringValue }
        #expect(
            notices == [
                "notifications/message", "notifications/resources/updated",
                "notifications/tools/list_changed",
            ])
        near.close(nil)
        await next.value
    }
}

/// A client that writes and reads lines.
@IO private final class Talker {
    private let stream: MemoryStream
    private var partial: [UInt8] = []
    private(set) var received: [JSON] = []

    init(_ stream: MemoryStream) {
        self.stream = stream
        stream.onData = { [weak self] in self?.take(Array($0)) }
        stream.resumeReading()
    }

    private func take(_ bytes: [UInt8]) {
        partial += bytes
        while let end = partial.firstIndex(of: 0x0A) {
            if let message = try? JSON(parsing: Array(partial[..<end])) { received.append(message) }
            partial.removeFirst(end + 1)
        }
    }

    /// Answers a request of the server.
    func answer(_ id: JSON, _ result: JSON) {
        let message: JSON = ["jsonrpc": "2.0", "id": id, "result": result]
        stream.write(message.encoded() + [0x0A])
    }

    func send(_ method: String, id: JSON?, _ params: JSON.Object = [:]) {
        var message: JSON.Object = [
            "jsonrpc": "2.0", "method": .string(method), "params": .object(params),
        ]
        message["id"] = id
        stream.write(JSON.object(message).encoded() + [0x0A])
    }
}

/// Two ends of a line in memory: what is written to one comes out of the other in a later turn.
@IO private final class MemoryStream: ByteStream {
    var onData: (@IO (UnsafeRawBufferPointer) -> Void)?
    var onDrain: (@IO () -> Void)?
    var onEnd: (@IO () -> Void)?
    var onClose: (@IO (NetError?) -> Void)?
    let peer = "memory"
    private(set) var isClosed = false
    let unsent = 0
    private weak var other: MemoryStream?
    private var waiting: [[UInt8]] = []
    private var isPaused = true

    static func pair() -> (MemoryStream, MemoryStream) {
        let (one, two) = (MemoryStream(), MemoryStream())
        (one.other, two.other) = (two, one)
        return (one, two)
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, let other else { return }
        other.waiting.append(Array(bytes))
        IO.task { other.deliver() }
    }

    private func deliver() {
        while !isPaused, !isClosed, let onData, !waiting.isEmpty {
            waiting.removeFirst().withUnsafeBytes { onData($0) }
        }
    }

    func flush() {}
    func pauseReading() { isPaused = true }

    func resumeReading() {
        isPaused = false
        IO.task { self.deliver() }
    }

    func endWriting() {
        guard let other else { return }
        IO.task { other.onEnd?() }
    }

    func finish() { close(nil) }

    func close(_ error: NetError?) {
        guard !isClosed else { return }
        isClosed = true
        let closed = onClose
        onClose = nil
        closed?(error)
        if let other { IO.task { other.close(nil) } }
    }
}
