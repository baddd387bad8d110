// The fixtures themselves, proved with OpenSSH's own client before anything stands on them.
import Foundation
import Support
import Testing

@Suite struct FixtureTests {
    /// Starts the real `ssh` to `server` with `options` before and `command` after the alias.
    func ssh(_ server: SSHServer, _ options: [String] = [], _ command: String...) throws
        -> RunningProcess
    {
        let path = try server.directory.write(
            try server.configuration(alias: "t"), to: "ssh_config")
        let program = try #require(Repository.find("ssh"))
        return try RunningProcess(
            program, ["-F", path, "-o", "BatchMode=yes"] + options + ["t"] + command)
    }

    @Test(arguments: Shell.allCases) func `every shell runs a command`(shell: Shell) async throws {
        let server = try await SSHServer.start(.init(shell: shell))
        let child = try ssh(server, [], "echo $HOME; exit 3")
        #expect(try await child.finished() == .exited(3))
        #expect(child.output == server.directory.file("home") + "\n")
        server.stop()
        #expect(server.sessions().isEmpty)
    }

    @Test(arguments: Shell.first)
    func `a shell on a terminal is interactive`(shell: Shell) async throws {
        let server = try await SSHServer.start(.init(shell: shell))
        let child = try ssh(server, ["-tt"])
        child.send("tty; echo \"fla\"\"gs $-\"\n")
        let line = try await child.line(containing: "flags ")
        #expect(line.contains("i") && child.output.contains("/dev/pts/"))
        child.send("exit 5\n")
        #expect(try await child.finished() == .exited(5))
    }

    @Test(arguments: KeyKind.allCases)
    func `every kind of key logs in`(kind: KeyKind) async throws {
        var options = SSHServer.Options(settings: SSHServer.Options.hardened)
        options.userKey = kind
        options.hostKeys = KeyKind.allCases
        let server = try await SSHServer.start(options)
        let child = try ssh(server, [], "true")
        #expect(try await child.finished() == .exited(0), "\(child.errors) \(server.log)")
    }

    @Test func `a cut server ends its sessions and comes back`() async throws {
        let server = try await SSHServer.start()
        let child = try ssh(server, [], "echo up; sleep 600")
        _ = try await child.line(containing: "up")
        server.stop()
        #expect(try await child.finished() == .exited(255))
        #expect(server.sessions().isEmpty)
        try await server.restart()
        #expect(try await ssh(server, [], "true").finished() == .exited(0))
    }

    @Test func `a file that is being written is open in no process that starts meanwhile`()
        async throws
    {
        let folder = try TemporaryDirectory("open")
        let text = String(repeating: "x", count: 1 << 20)
        let writing = Task.detached { while !Task.isCancelled { try folder.write(text, to: "f") } }
        defer { writing.cancel() }
        _ = await eventually { FileManager.default.fileExists(atPath: folder.file("f")) ? 0 : nil }
        for _ in 0..<20 {
            let child = try RunningProcess("/bin/sleep", ["600"])
            let open = "/proc/\(child.id)/fd"
            // While it has not begun the program, it has all that this process has.
            _ = await eventually {
                try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(child.id)/exe"
                ).hasSuffix("sleep") == true ? 0 : nil
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: open).compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "\(open)/\($0)")
            }
            #expect(!files.contains(folder.file("f")), "\(files)")
            await child.stop()
        }
    }

    @Test func `a stopped process leaves nothing behind`() async throws {
        let child = try RunningProcess("/bin/sh", ["-c", "sleep 600 & echo up; wait"])
        _ = try await child.line(containing: "up")
        #expect(child.survivors().count == 2)
        #expect(await child.stop() == .signalled(SIGTERM))
        #expect(await holds { child.survivors().isEmpty })
    }

    @Test func `an agent holds a key`() async throws {
        let directory = try TemporaryDirectory("agent")
        let key = try await SSHKey.make(.ed25519, at: directory.file("key"))
        let agent = try await KeyAgent.start(in: directory, keys: [key])
        let add = try #require(Repository.find("ssh-add"))
        let list = try await RunningProcess.run(
            add, ["-l"], environment: ["SSH_AUTH_SOCK": agent.socket])
        #expect(list.contains(try await key.fingerprint()))
    }
}

@Suite(.needs(.pythonClients))
struct PasswordServerTests {
    static let client = """
        import asyncio, asyncssh, sys
        port, user, password, code = int(sys.argv[1]), *sys.argv[2:]
        class Client(asyncssh.SSHClient):
            def kbdint_auth_requested(self): return ""
            def kbdint_challenge_received(self, name, text, lang, prompts):
                return [password if p.startswith("Password") else code for p, _ in prompts]
        async def main():
            async with asyncssh.connect("127.0.0.1", port, username=user, password=password,
                    known_hosts=None, client_keys=None, client_factory=Client) as link:
                done = await link.run("cat; echo err >&2; exit 4", input="in")
                print(done.stdout, done.stderr.strip(), done.exit_status)
                done = await link.run(None, term_type="xterm", input="tty\\nexit 6\\n")
                print("/dev/pts/" in done.stdout, done.exit_status)
        asyncio.run(main())
        """

    @Test(arguments: [false, true])
    func `a password logs in and commands run`(interactive: Bool) async throws {
        let server = try await PasswordServer(interactive: interactive)
        let python = try #require(Repository.python)
        let output = try await RunningProcess.run(
            python,
            ["-c", Self.client, "\(server.port)", server.user, server.password, server.code])
        #expect(output == "in err 4\nTrue 6\n")
    }

    @Test func `a wrong password is refused`() async throws {
        let server = try await PasswordServer()
        let python = try #require(Repository.python)
        let child = try RunningProcess(
            python, ["-c", Self.client, "\(server.port)", server.user, "wrong", server.code])
        #expect(try await child.finished() == .exited(1))
        #expect(child.errors.contains("PermissionDenied"))
    }
}
