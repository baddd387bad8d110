// A running relay whose MCP port, without TLS, is crowded by connections that say nothing.
import Configuration
import HTTP
import Loop
import Net
import Support
import Testing

@testable import homeline_relay

@Suite(.timeLimit(.minutes(2))) struct IdleStrangersTests {
    /// A connection that asks and remembers what it was answered.
    @IO private final class Peer {
        let socket: SocketStream
        var text = ""

        init(_ address: SocketAddress) async throws {
            socket = try await SocketStream.connect(to: address, deadline: .seconds(10))
            socket.onData = { self.text += String(decoding: $0, as: UTF8.self) }
        }

        func ask() async -> Bool {
            text = ""
            socket.write(
                Array(
                    """
                    POST /mcp HTTP/1.1\r
                    Host: localhost\r
                    Content-Type: application/json\r
                    Content-Length: 2\r
                    \r
                    {}
                    """.utf8))
            // A request that is understood: it is known who asks, if not what.
            return await until(.seconds(30)) { self.text.contains("jsonrpc") }
        }
    }

    @Test @IO func `they make room for each other, and who is known stays`() async throws {
        let folder = try TemporaryDirectory()
        guard
            case .run(_, let options) = try Settings.program.parse([
                "serve", "--data", folder.path, "--mcp", "127.0.0.1:0", "--tunnel", "127.0.0.1:0",
                "--allow-loopback-without-token",
            ])
        else { throw Unavailable("serve is not a command") }
        let relay = try await ServeCommand.start(options)
        let port = relay.mcpURL.split(separator: ":").last.flatMap {
            UInt16($0.prefix { $0 != "/" })
        }
        let address = try #require(SocketAddress(ip: "127.0.0.1", port: port ?? 0))
        let known = try await Peer(address)
        #expect(await known.ask())
        var strangers: [Peer] = []
        for _ in 0..<(Admissions.places + 60) { strangers.append(try await Peer(address)) }
        let crowd = strangers
        #expect(await until(.seconds(30)) { crowd.count { $0.socket.isClosed } == 60 })
        // The oldest of them are gone, the one that is known is not, and newcomers come in.
        #expect(crowd.prefix(60).allSatisfy { $0.socket.isClosed })
        #expect(await known.ask())
        let newcomer = try await Peer(address)
        #expect(await newcomer.ask())
        for peer in crowd { peer.socket.close() }
        await relay.shutDown()
    }
}
