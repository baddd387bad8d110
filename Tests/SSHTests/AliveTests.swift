// Life signs: an idle link answers its server, a silent server ends the link.
import Glibc
import Loop
import Programs
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(2))) struct AliveTests {
    @Test func `an idle link answers the server's questions`() async throws {
        let settings = ["ClientAliveInterval": "1", "ClientAliveCountMax": "4"]
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            try await IO.sleep(for: .seconds(8))
            #expect(try await link.run("echo on").text == "on\n")
            link.close()
        }
    }

    @Test func `an idle link notices that its server is gone`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            _ = try await link.run("true")
            server.stop()
            #expect(await holds { !link.isOpen })
        }
    }

    @Test func `a server that stops answering ends the link`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link { $0.limits.alive = .seconds(1) }
        try await onLoop {
            let link = try await Link.connect(configuration)
            let channel = try await link.execute("echo $PPID; exec sleep 63")
            let text = Gathering()
            channel.onOutput = { text.bytes += $0 }
            channel.resume()
            #expect(await holds { text.string.hasSuffix("\n") })
            let daemon = try #require(Int32(text.string.dropLast()))
            // While it answers, silence of the command does not matter.
            try await IO.sleep(for: .seconds(5))
            #expect(link.isOpen)
            kill(daemon, SIGSTOP)
            defer { kill(daemon, SIGKILL) }
            guard case .lost(let reason) = await channel.finished()?.end else {
                Issue.record("not lost")
                return
            }
            #expect(reason.contains("has not answered"))
        }
    }
}
