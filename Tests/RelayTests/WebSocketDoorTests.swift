// The agents' way in by WebSocket: an agent is admitted as from the port for agents, and whoever
// breaks the rules of WebSocket is gone after one line in the log.
import HTTP
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite(.timeLimit(.minutes(1))) struct WebSocketDoorTests {
    /// A gate behind an MCP port.
    @IO private final class Door {
        let house: House
        private let listener: Listener
        private let server: HTTPServer
        let address: SocketAddress

        init(deadline: Duration = .seconds(10)) async throws {
            house = try await House(deadline: deadline)
            let door = WebSocketDoor(gate: house.gate)
            let server = HTTPServer { door.answer($0, $1) }
            let any = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
            listener = try Listener.tcp(any) { server.serve($0) }
            (self.server, address) = (server, listener.address ?? any)
        }

        func dial() async throws -> SocketStream {
            try await SocketStream.connect(to: address, deadline: .seconds(5))
        }

        func open() async throws -> WebSocketStream {
            try await WebSocketStream.connect(
                over: try await dial(), host: "x", path: "/tunnel",
                protocol: Contract.webSocketProtocol)
        }

        func close() {
            listener.close()
            server.close()
            house.close()
        }
    }

    @Test @IO func `an agent is welcomed by WebSocket, and its tunnel's end is the WebSocket's`()
        async throws
    {
        let door = try await Door()
        let joined = try await door.house.joined("site")
        let stream = try await TLSStream.handshake(
            over: try await door.open(),
            context: try TLSContext(
                client: .pin(door.house.pin), alpn: [Contract.applicationProtocol]),
            serverName: "relay")
        let agent = door.house.greeting(joined, over: stream)
        guard case .welcomed = await agent.verdict.wait() else {
            Issue.record("not welcomed: \(door.house.log)")
            return
        }
        #expect(await until { door.house.fleet.all[0].connection != nil })
        agent.close()
        #expect(await until { door.house.fleet.all[0].connection == nil })
        door.close()
    }

    @Test(arguments: [
        ("/tunnel", true), ("/tunnel/", true), ("//home/tunnel", true), ("/", false),
        ("/mcp", false), ("/tunnels", false), ("/tunnel/mcp", false),
    ])
    @IO func `the path is known by its last part`(path: String, isServed: Bool) {
        #expect(WebSocketDoor.serves(path) == isServed)
    }

    @Test @IO func `a web page is refused`() async throws {
        let door = try await Door()
        let answer = try await HTTPClient(host: "x") { [door] () async throws(NetError) in
            try await SocketStream.connect(to: door.address, deadline: .seconds(5))
        }.get("/tunnel", headers: ["Origin": "https://x", "Upgrade": "websocket"])
        #expect(answer.status == 403)
        door.close()
    }

    /// What a client sends after the handshake, in frames with the mask 0, and what the log says.
    private static let hostile: [(bytes: [UInt8], words: String?)] = [
        ([0x82, 1, 7], "not masked"),
        ([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0], "longer than"),
        (
            [2, 0x80, 0, 0, 0, 0]
                + [[UInt8]](repeating: [0, 0x80, 0, 0, 0, 0], count: 5000).flatMap(\.self),
            "carry nothing"
        ),
        (
            [[UInt8]](repeating: [0x89, 0x80, 0, 0, 0, 0], count: 5000).flatMap(\.self),
            "carry nothing"
        ),
        ([0x82, 0x84, 0, 0, 0, 0, 7, 7, 7, 7], "not TLS"),
        ([0x82, 0x84, 0, 0, 0, 0] + Array("GET ".utf8), "plain HTTP"),
        // A close frame, or nothing at all: as a port scan.
        ([0x88, 0x80, 0, 0, 0, 0], nil), ([], nil),
    ]

    @Test @IO func `who breaks the rules is gone after one line, and agents come in beside`()
        async throws
    {
        let door = try await Door(deadline: .seconds(2))
        for (bytes, words) in Self.hostile {
            let before = door.house.log.count
            let socket = try await door.dial()
            let (ended, opened) = (Once<Void>(), Once<Void>())
            socket.onData = { _ in opened.set(()) }
            socket.onClose = { _ in ended.set(()) }
            socket.write(
                Array(
                    """
                    GET /tunnel HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r
                    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                    Sec-WebSocket-Protocol: homeline.1\r\n\r\n
                    """.utf8))
            await opened.wait()
            socket.write(bytes)
            #expect(
                await IO.within(.seconds(10)) { await ended.wait() } != nil, "\(bytes.prefix(9))")
            #expect(await until { door.house.log.count == before + (words == nil ? 0 : 1) })
            let said = door.house.log.dropFirst(before).joined()
            #expect(said.contains(words ?? ""), "\(said)")
        }
        let joined = try await door.house.joined("site")
        let stream = try await TLSStream.handshake(
            over: try await door.open(),
            context: try TLSContext(
                client: .pin(door.house.pin), alpn: [Contract.applicationProtocol]),
            serverName: "relay")
        let agent = door.house.greeting(joined, over: stream)
        guard case .welcomed = await agent.verdict.wait() else {
            Issue.record("not welcomed: \(door.house.log)")
            return
        }
        door.close()
    }

    @Test @IO func `a relay that is ending sends agents away, and says when to come`() async throws
    {
        let door = try await Door()
        door.house.gate.close()
        let answer = try await HTTPClient(host: "x") { [door] () async throws(NetError) in
            try await SocketStream.connect(to: door.address, deadline: .seconds(5))
        }.get("/tunnel", headers: ["Upgrade": "websocket"])
        #expect(answer.status == 503 && answer.headers("retry-after") == ["1"])
        door.close()
    }
}
