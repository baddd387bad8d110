// Forwards that listen at the relay: router, tunnel, agent, and a real sshd.
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_agent
@testable import homeline_relay

@Suite(.timeLimit(.minutes(1))) struct ForwardTests {
    /// A relay that listens for forwards of one site.
    @IO private struct Stand {
        let exchange: Exchange
        let site: Site
        let forwards: homeline_relay.Forwards
        private let server: SSHServer

        init() async throws {
            server = try await SSHServer.start(.init(shell: .dash))
            exchange = try await Exchange()
            let forwards = homeline_relay.Forwards(router: exchange.router)
            self.forwards = forwards
            let streams = exchange.router.streams
            exchange.fleet.onArrival = { member in
                streams.resume(at: member)
                IO.task { await forwards.settle(member) }
            }
            site = try await Site("site", at: exchange, server: server)
        }

        func open(
            _ kind: String, _ more: JSON.Object, as principal: homeline_relay.Principal = .local
        ) async throws -> ForwardInfo {
            var arguments: JSON.Object = [
                "target": "site/box", "kind": .string(kind), "at": "relay",
            ]
            for (name, value) in more { arguments[name] = value }
            let answer = try await forwards.open(
                AgentCall(.openForward, arguments, for: principal), at: try #require(site.member))
            return try ForwardInfo(Fields(answer.result))
        }

        var shown: ForwardInfo? { site.service.forwards.all.first?.info }

        func close() async {
            forwards.shutDown()
            await site.close()
            exchange.close()
        }
    }

    /// A server that sends back what comes.
    @IO private final class Echo {
        private var listener: Listener?
        var port: UInt16 { listener?.address?.port ?? 0 }

        init() throws {
            listener = try Listener.tcp(
                try #require(SocketAddress(ip: "127.0.0.1", port: 0))
            ) { socket in
                socket.onEnd = { [weak socket] in socket?.finish() }
                socket.onData = { [weak socket] in socket?.write($0) }
            }
        }

        func close() { listener?.close() }
    }

    @IO private func client(_ address: String) async throws -> SocketStream {
        let port = address.split(separator: ":").last.flatMap { UInt16($0) }
        return try await SocketStream.connect(host: "127.0.0.1", port: try #require(port))
    }

    @Test @IO func `bytes pass both ways, over tunnels that break`() async throws {
        let stand = try await Stand()
        let echo = try Echo()
        let info = try await stand.open("local", ["to": .string("127.0.0.1:\(echo.port)")])
        #expect(info.side == .relay && stand.shown?.listen == info.listen)
        let socket = try await client(info.listen)
        let taken = Taken(socket)
        let content = pattern(2_000_000)
        socket.write(content)
        #expect(await until { taken.bytes.count > 100_000 })
        stand.site.link.cut()
        socket.endWriting()
        #expect(await until { taken.ends == 1 })
        #expect(taken.bytes == content)
        #expect(await until { stand.exchange.router.streams.count == 0 })
        #expect(await until { stand.shown?.open == 0 })
        #expect(stand.shown?.sent == content.count && stand.shown?.received == content.count)
        echo.close()
        // What cannot be reached is the call's fault; the client is closed.
        let other = try await client(info.listen)
        let cut = Taken(other)
        #expect(await until { cut.isClosed || cut.ends == 1 })
        #expect(stand.shown?.failed == 1 && stand.shown?.error?.contains("connect failed") == true)
        #expect(stand.site.service.streams.count == 0)
        await stand.close()
    }

    @Test @IO func `SOCKS clients are led where they ask, and told why not`() async throws {
        let stand = try await Stand()
        let echo = try Echo()
        let info = try await stand.open("dynamic", [:])
        func ask(_ port: UInt16) async throws -> (SocketStream, Taken) {
            let socket = try await client(info.listen)
            let taken = Taken(socket)
            let name = Array("localhost".utf8)
            socket.write(
                [5, 1, 0, 5, 1, 0, 3, UInt8(name.count)] + name
                    + [UInt8(port >> 8), UInt8(port & 255)] + Array("early".utf8))
            return (socket, taken)
        }
        let (good, taken) = try await ask(echo.port)
        let reply = [5, 0] + SOCKSQuestion.answer(.succeeded)
        #expect(await until { taken.bytes == reply + Array("early".utf8) })
        good.close()
        echo.close()
        let (_, refused) = try await ask(echo.port)
        #expect(await until { refused.isClosed || refused.ends == 1 })
        #expect(refused.bytes == [5, 0] + SOCKSQuestion.answer(.connectionRefused))
        await stand.close()
    }

    @Test @IO func `a forward ends with its principal, at its agent and here`() async throws {
        let stand = try await Stand()
        let first = try await stand.open("local", ["to": "localhost:1"])
        stand.forwards.end(of: "local")
        #expect(await until { stand.site.service.forwards.all.isEmpty })
        await #expect(throws: (any Error).self) { _ = try await client(first.listen) }
        // Closed at the agent: the next client is refused, and nothing listens any more.
        let second = try await stand.open("local", ["to": "localhost:1"])
        stand.site.service.forwards.shutDown()
        let socket = try await client(second.listen)
        let taken = Taken(socket)
        #expect(await until { taken.isClosed || taken.ends == 1 })
        #expect(stand.forwards.count == 0)
        // What only one of the two knows is ended when the agent connects.
        _ = try await stand.open("local", ["to": "localhost:1"])
        stand.forwards.shutDown()
        await stand.forwards.settle(try #require(stand.site.member))
        #expect(stand.site.service.forwards.all.isEmpty)
        _ = try await stand.open("local", ["to": "localhost:1"])
        stand.site.service.forwards.shutDown()
        await stand.forwards.settle(try #require(stand.site.member))
        #expect(stand.forwards.count == 0)
        await stand.close()
    }

    @Test @IO func `the relay listens on loopback alone`() async throws {
        let stand = try await Stand()
        for (listen, code) in [
            ("0.0.0.0:0", Fault.Code.refusedByPolicy), ("[::]:0", .refusedByPolicy),
            ("elsewhere:1", .refusedByPolicy), ("70000", .invalidArgument),
        ] {
            await #expect {
                _ = try await stand.open("local", ["to": "localhost:1", "listen": .string(listen)])
            } throws: { ($0 as? Fault)?.code == code }
        }
        let echo = try Echo()
        await #expect {
            _ = try await stand.open(
                "local", ["to": "localhost:1", "listen": .string("\(echo.port)")])
        } throws: { "\($0)".contains("in use") }
        #expect(stand.forwards.count == 0 && stand.site.service.forwards.all.isEmpty)
        echo.close()
        await stand.close()
    }
}
