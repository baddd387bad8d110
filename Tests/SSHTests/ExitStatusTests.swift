// The end of a channel as the server reports it, or does not report it.
import Loop
import Programs
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExitStatusTests {
    /// sshd closes a channel that was silent too long, and sends no status.
    @Test(arguments: [false, true])
    func `a channel that is closed without a status has no exit code`(
        terminal: Bool
    ) async throws {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["ChannelTimeout": "session:*=2s"]))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let size = terminal ? TerminalSize() : nil
            let silent = try await link.execute("echo start; sleep 61; exit 7", terminal: size)
            for code in [0, 7] {
                let prompt = try await link.execute("exit \(code)", terminal: size)
                #expect(await prompt.finished()?.end == .exited(Int32(code)))
            }
            let ended = try #require(await silent.finished())
            #expect(ended.text.hasPrefix("start") && ended.end == .unreported)
        }
    }

    @Test(
        .needs(.pythonClients), arguments: ["none", "0", "3", "signal", "extended", "maintenance"])
    func `what a server of another make sends is what is reported`(sent: String) async throws {
        let folder = try TemporaryDirectory("status")
        let host = try await SSHKey.make(.ed25519, at: folder.file("host"))
        let key = try await SSHKey.make(.ed25519, at: folder.file("user"))
        let script = try folder.write(
            """
            import asyncio, asyncssh, sys
            from asyncssh.packet import String, UInt32
            def run(process):
                process.stdout.write("ran\\n")
                if sys.argv[3] == "none": process.close()
                elif sys.argv[3] == "signal": process.exit_with_signal("KILL")
                elif sys.argv[3] == "extended":
                    for kind in [0, 2, 3]:
                        process.channel.send_packet(95, UInt32(kind), String(b"other\\n"))
                    process.exit(5)
                elif sys.argv[3] == "maintenance":
                    words = String(b"Until 06:00\\x1b[31m")
                    connection = process.channel.get_connection()
                    connection.send_packet(1, UInt32(11), words, String(b"en"))
                else: process.exit(int(sys.argv[3]))
            async def main():
                server = await asyncssh.create_server(
                    asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[sys.argv[1]],
                    authorized_client_keys=sys.argv[2], process_factory=run)
                print("listening", server.get_port(), flush=True)
                await server.wait_closed()
            asyncio.run(main())
            """, to: "server.py")
        let server = try RunningProcess(
            try #require(Repository.python), [script, host.path, key.path + ".pub", sent])
        let line = try await server.line(containing: "listening")
        let port = try #require(UInt16(line.split(separator: " ").last ?? ""))
        let known = try folder.write("[127.0.0.1]:\(port) \(host.publicLine)\n", to: "known")
        let configuration = LinkConfiguration(
            host: "127.0.0.1", port: port, user: "guest", knownHosts: [known],
            authentication: [.keyFile(path: key.path, passphrase: nil)])
        let expected: ProgramEnd =
            switch sent {
            case "none": .unreported
            case "signal": .signalled("KILL")
            // Data of a kind that RFC 4254 does not name is dropped.
            case "extended": .exited(5)
            case "maintenance": .lost("the SSH connection is lost: Until 06:00?[31m")
            default: .exited(Int32(sent) ?? -1)
            }
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let done = try await link.run("show version")
            // libssh2 hands out nothing that comes together with a DISCONNECT.
            #expect(done.text == "ran\n" || sent == "maintenance")
            #expect(done.end == expected)
        }
    }
}
