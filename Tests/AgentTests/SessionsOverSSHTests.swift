// Sessions over real SSH connections: every login shell, the kernel asked through a second channel,
// a host with room for one channel alone, a link that is cut.
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsOverSSHTests {
    @IO static func open(
        _ server: SSHServer, shell: ShellChoice = .auto
    ) async throws -> (Session, Link) {
        let known = try server.directory.write(server.knownHosts, to: "known_hosts")
        let configuration = LinkConfiguration(
            host: "127.0.0.1", port: server.port, user: server.user, knownHosts: [known],
            authentication: [.keyFile(path: server.key.path, passphrase: nil)])
        let link = try await Link.connect(configuration)
        let channel = try await link.openShell(TerminalSize(kind: "xterm", columns: 511, rows: 50))
        let nonce = Nonce()
        let session = Session(
            id: "s1", owner: "me", target: "agent/host", nonce: nonce,
            transport: RemoteShell(channel, probes: ProbeChannel(link)), log: OutputLog(),
            isPersistent: false,
            idleTimeout: .seconds(60))
        try await session.open(within: .seconds(20), nonce: nonce, shell: shell)
        return (session, link)
    }

    @Test(arguments: Shell.allCases.filter { $0.command != nil })
    @IO func `commands are exact over SSH, whatever the login shell`(shell: Shell) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: shell))
        let (session, link) = try await Self.open(server)
        defer { link.close() }
        var times: [Duration] = []
        for number in 0..<60 {
            let begin = IO.now
            let result = try await session.run("echo \(number); sh -c 'exit \(number)'")
            times.append(begin.duration(to: IO.now))
            #expect(result.output == "\(number)\n")
            #expect(result.exitCode == number)
        }
        times.sort()
        print(
            "ssh \(shell): median \(times[30]), \(session.shellName), banner \(session.banner.debugDescription)"
        )
        let code = "printf %s '" + String(repeating: "0123456789 ", count: 3000) + "' | wc -c"
        let long = try await session.run(code)
        #expect(long.output.contains("33000"))
        let asking = try await session.run(
            "sh -c 'printf \"Name? \"; read x; echo $x'")
        #expect(asking.state == .lineInput, "\(asking)")
        #expect(asking.prompt == "Name? ")
        let answered = try await session.send(
            text: "Ann", keys: [], enter: true, wait: .seconds(10), maxBytes: 100)
        #expect(answered.output == "Ann\nAnn\n")
        let end = try await session.run("exit 3")
        #expect(end.state == .shellExited)
        #expect(end.exitCode == 3)
    }

    @Test @IO func `one channel is enough`() async throws {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .bash, settings: ["MaxSessions": "1"]))
        let (session, link) = try await Self.open(server)
        defer { link.close() }
        let working = try await session.run("sleep 20", wait: .milliseconds(600))
        #expect(working.state == .running)
        #expect(working.evidence == [])
        _ = try await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(5), maxBytes: 100)
        let asking = try await session.run("printf 'Password: '; read x", wait: .seconds(8))
        #expect(asking.state == .maybeInput)
        #expect(asking.evidence == [.regex])
        #expect(asking.prompt == "Password: ")
    }

    @Test @IO func `a cut link is told as such, its output stays`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .bash))
        let (session, link) = try await Self.open(server)
        defer { link.close() }
        let running = IO.task {
            try? await session.run("echo before; sleep 30", wait: .seconds(20))
        }
        #expect(await holds { session.log.end >= 7 })
        server.cutConnections()
        let result = await running.value
        #expect(result?.state == .linkLost)
        #expect(result?.output == "before\n")
        #expect(result?.evidence == [.eof])
    }

    @Test @IO func `many megabytes over SSH are exact`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .bash))
        let (session, link) = try await Self.open(server)
        defer { link.close() }
        let result = try await session.run("seq 1 1000000", wait: .seconds(30), maxBytes: 2000)
        #expect(result.state == .done)
        var expected = 0
        for digits in 1...6 {
            expected += (digits + 1) * 9 * Int([1, 10, 100, 1000, 10_000, 100_000][digits - 1])
        }
        #expect(result.nextOffset - result.offset == expected + 8)
        #expect(result.output.hasPrefix("1\n2\n3\n"))
        #expect(result.output.hasSuffix("999999\n1000000\n"))
    }
}
