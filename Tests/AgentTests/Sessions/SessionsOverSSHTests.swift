// Sessions over real SSH connections, whatever the login shell. What else can happen on them is a
// row of SessionLab.
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
            transport: SSHHost.shell(channel, probes: ProbeChannel(link)),
            log: OutputLog(of: "test"),
            isPersistent: false,
            idleTimeout: .seconds(60))
        try await session.open(within: .seconds(20), shell: shell)
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

    @Test @IO func `a session that its host closes without a status has no exit code`() async throws
    {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["ChannelTimeout": "session:*=3s"]))
        let (session, link) = try await Self.open(server)
        defer { link.close() }
        let end = try await session.run("sleep 62")
        #expect(end.state == .shellExited && end.exitCode == nil, "\(end)")
        #expect(end.note?.contains("sent no exit status") == true)
    }
}
