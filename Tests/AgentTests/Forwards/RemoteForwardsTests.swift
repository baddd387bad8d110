// Remote forwards: a real server listens, and the agent's machine connects.
import JSON
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct RemoteForwardsTests {
    private static let makes: [Party.Kind] = [.openSSH(.installed), .other(.dropbear)]

    @Test(arguments: makes) @IO
    func `the target listens, and each direction ends by itself`(make: Party.Kind) async throws {
        guard make.isHere else { return }
        let party = try await Party(make)
        let desk = try await Desk([("box", party.server, "")])
        let server = try TestServer(.counts)
        let (address, id) = try await desk.forward("box", to: server.port, kind: "remote")
        #expect(address.hasPrefix("127.0.0.1:") && !address.hasSuffix(":0"))
        let client = try await TestClient(address)
        client.read()
        client.socket.write([UInt8](repeating: 1, count: 3_000_000))
        client.socket.endWriting()
        #expect(await until { client.ended })
        #expect(client.text == "3000000" && server.ends == 1)
        client.socket.close()
        var shown = try await desk.shown(id)
        #expect(
            await until {
                shown = (try? await desk.shown(id)) ?? .null
                return shown["open"] == nil
            })
        #expect(shown["sent_bytes"] == 3_000_000 && shown["received_bytes"] == 7)
        // Dropbear listens on ::1 where 127.0.0.1 is in use, and goes on listening when it is asked
        // to stop: its clients are then refused by the agent.
        if case .openSSH = make {
            let again = await desk.fault(
                .openForward,
                [
                    "target": "site/box", "kind": "remote", "to": "localhost:1",
                    "listen": .string("127.0.0.1:\(server.port)"),
                ])
            #expect(again?.code == .channelRefused && again?.message.contains("in use") == true)
        }
        _ = try await desk.call(.closeForward, ["forward_id": .string(id)]).get()
        #expect(
            await until {
                guard let client = try? await TestClient(address) else { return true }
                client.read()
                return await until { client.ended || client.closed }
            })
        #expect(server.connections.count == 1)
        server.close()
        await desk.service.shutDown()
        await party.stop()
    }

    @Test @IO func `it listens again after its link was lost, and has a limit`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let desk = try await Desk([("box", server, "")])
        let echo = try TestServer(.echoes)
        let (address, id) = try await desk.forward("box", to: echo.port, kind: "remote")
        var clients: [TestClient] = []
        for _ in 0...Forward.remoteLimit {
            let client = try await TestClient(address)
            client.read()
            client.write("x")
            clients.append(client)
        }
        #expect(await until { clients.count { $0.text == "x" } == Forward.remoteLimit })
        #expect(await until { clients.contains { $0.ended || $0.closed } })
        let full = try await desk.shown(id)
        #expect(full["open"] == .integer(Forward.remoteLimit) && full["failed"] == 1)
        server.cutConnections()
        #expect(await until { clients.allSatisfy { $0.ended || $0.closed } })
        #expect(await until { (try await desk.shown(id))["open"] == nil })
        #expect(
            await until {
                guard let client = try? await TestClient(address) else { return false }
                client.read()
                client.write("y")
                return await until { client.text == "y" || client.ended || client.closed }
                    && client.text == "y"
            })
        #expect(try await desk.shown(id)["listen"] == .string(address))
        echo.close()
        await desk.service.shutDown()
    }

    @Test @IO func `it needs the agent's own machine`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let desk = try await Desk([("box", server, "")])
        let arguments: JSON.Object = [
            "target": "site/box", "kind": "remote", "to": "localhost:1",
        ]
        let narrow = await desk.call(
            .openForward, arguments, as: Caller(id: "eve", reach: ["box"]))
        #expect(narrow.code == .refusedByPolicy)
        #expect(
            await desk.code(.openForward, arguments.with(["at": "relay"])) == .invalidArgument)
        desk.allow { $0.forwards = ForwardRules(denied: ["localhost"]) }
        #expect(await desk.code(.openForward, arguments) == .refusedByPolicy)
        desk.allow { $0.allowsLocal = false }
        #expect(await desk.code(.openForward, arguments) == .refusedByPolicy)
        #expect(desk.service.forwards.all.isEmpty)
        await desk.service.shutDown()
    }
}
