// The agent is told to stop while servers of all kinds keep it waiting: it ends in time.
import Foundation
import JSON
import Support
import Testing

@Suite struct ShutdownTests {
    @Test func `an agent ends within seconds whatever its servers do`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let silent = try SlowLink(to: server.port)
        let halfway = try SlowLink(to: server.port, breaks: .stalls(600))
        defer {
            silent.close()
            halfway.close()
        }
        let folder = try TemporaryDirectory("shutdown")
        let blocks = try [("silent", silent), ("halfway", halfway)].map { alias, line in
            let known = try folder.write(
                server.knownHosts.replacing(":\(server.port) ", with: ":\(line.port) "), to: alias)
            return try server.configuration(alias: alias)
                .replacing("Port \(server.port)", with: "Port \(line.port)")
                .replacing("UserKnownHostsFile ", with: "UserKnownHostsFile \(known) ")
        }
        let place = try await Place.start(["bash": .init(shell: .bash)], more: blocks.joined())
        let agent = try #require(place.home.process("site"))
        // Sessions in use, commands that do not listen, a server that has fallen silent in the
        // middle of a call, one in the middle of the exchange of keys.
        for host in ["bash", "local"] {
            _ = try await place.open(host).run("sleep 600", wait: 0.2)
            _ = try await place.caller.structured(
                "ssh_execute",
                [
                    "target": .string("site/\(host)"), "background": true,
                    "command": "trap '' TERM; sleep 601; sleep 602",
                ])
        }
        let held = try await place.open("silent")
        silent.stall()
        let calls = Task {
            async let waiting = place.caller.call(
                "ssh_session_command",
                ["session_id": .string(held.id), "command": "true", "wait_s": 40])
            async let opening = place.caller.call(
                "ssh_session_open", ["target": "site/halfway", "connect_timeout_s": 40])
            return [try? await waiting, try? await opening]
        }
        // Both lines lead to the one server, which tells its callers.
        #expect(
            await holds { server.log.components(separatedBy: "Connection from").count > 2 })
        let start = ContinuousClock.now
        // The limit is 5 s; a busy machine may add to it.
        let end = await agent.stop(within: .seconds(10))
        print("the agent ended after \(ContinuousClock.now - start)")
        #expect(end == .exited(0), "\(agent.errors)")
        #expect(await holds { agent.survivors().isEmpty })
        #expect(await holds { place.servers["bash"]?.sessions().isEmpty ?? false })
        _ = await calls.value
        await place.home.stop()
    }
}
