// Every way to log in, and what the error says when none works.
import Crypto
import Loop
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(2))) struct LoginTests {
    @Test(arguments: KeyKind.allCases, ["", "open sesame"])
    func `keys of every kind log in, encrypted or not`(
        kind: KeyKind, passphrase: String
    ) async throws {
        var options = SSHServer.Options(shell: .dash)
        options.userKey = kind
        options.passphrase = passphrase
        let server = try await SSHServer.start(options)
        let configuration = try server.link {
            $0.authentication = [
                .keyFile(path: server.key.path, passphrase: SecretBytes(passphrase.utf8))
            ]
        }
        #expect(await IO.task { await connectError(configuration) }.value == nil)
    }

    @Test func `an old PEM key logs in`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        for passphrase in ["", "sesame"] {
            let path = server.directory.file("pem\(passphrase)")
            let key = try await SSHKey.make(.rsa, at: path, passphrase: passphrase, pem: true)
            try server.authorize(key.publicLine)
            let configuration = try server.link {
                $0.authentication = [.keyFile(path: path, passphrase: SecretBytes(passphrase.utf8))]
            }
            #expect(await IO.task { await connectError(configuration) }.value == nil)
        }
    }

    @Test func `every attempt and its outcome is in the error`() async throws {
        var options = SSHServer.Options(shell: .dash)
        options.passphrase = "sesame"
        let server = try await SSHServer.start(options)
        let stranger = try await SSHKey.make(.ed25519, at: server.directory.file("stranger"))
        let garbage = try server.directory.write("no key", to: "garbage")
        let configuration = try server.link {
            $0.authentication = [
                .keyFile(path: server.directory.file("missing"), passphrase: nil),
                .keyFile(path: garbage, passphrase: nil),
                .keyFile(path: stranger.path, passphrase: nil),
                .keyFile(path: server.key.path, passphrase: nil),
                .keyFile(path: server.key.path, passphrase: SecretBytes("wrong".utf8)),
                .agent(socket: "/nonexistent", only: nil),
                .password(SecretBytes("secret".utf8)),
            ]
        }
        let error = await IO.task { await connectError(configuration) }.value
        guard case .authenticationFailed(let user, let tried, let accepted) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(user == server.user)
        #expect(accepted == ["publickey"])
        // What keeps a key from being offered comes first, then how the offers went.
        #expect(
            tried.map(\.outcome) == [
                "not a private key that can be read", "No such file or directory",
                "no agent answers at /nonexistent", "needs a passphrase", "refused",
                "wrong passphrase", "not accepted by the server",
            ])
        #expect(tried[1].method.contains("missing") && tried[3].method.contains(server.key.path))
        #expect(!"\(error.map(String.init(describing:)) ?? "")".contains("secret"))
    }

    @Test(arguments: KeyKind.allCases)
    func `an ssh-agent signs for every kind of key`(kind: KeyKind) async throws {
        var options = SSHServer.Options(shell: .dash)
        options.userKey = kind
        let server = try await SSHServer.start(options)
        let stranger = try await SSHKey.make(.ed25519, at: server.directory.file("stranger"))
        let agent = try await KeyAgent.start(in: server.directory, keys: [stranger, server.key])
        let configuration = try server.link {
            $0.authentication = [.agent(socket: agent.socket, only: nil)]
        }
        #expect(await IO.task { await connectError(configuration) }.value == nil)
        let none = try server.link {
            $0.authentication = [.agent(socket: agent.socket, only: [[1]])]
        }
        let error = await IO.task { await connectError(none) }.value
        #expect(error?.description.contains("the agent holds no key for this host") == true)
    }

    @Test(
        .needs(.pythonClients),
        arguments: ["OpenSSH", "agent", "PEM", "encrypted PEM"])
    func `an RSA key signs with SHA-1 only where the target allows it`(place: String) async throws {
        let folder = try TemporaryDirectory("sha1")
        let host = try await SSHKey.make(.ed25519, at: folder.file("host"))
        let passphrase = place == "encrypted PEM" ? "sesame" : ""
        let key = try await SSHKey.make(
            .rsa, at: folder.file("user"), passphrase: passphrase, pem: place.hasSuffix("PEM"))
        let script = try folder.write(
            """
            import asyncio, asyncssh, sys
            async def main():
                server = await asyncssh.create_server(
                    asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[sys.argv[1]],
                    authorized_client_keys=sys.argv[2], signature_algs=["ssh-rsa"])
                print("listening", server.get_port(), flush=True)
                await server.wait_closed()
            asyncio.run(main())
            """, to: "server.py")
        let server = try RunningProcess(
            try #require(Repository.python), [script, host.path, key.path + ".pub"])
        let line = try await server.line(containing: "listening")
        let port = try #require(UInt16(line.split(separator: " ").last ?? ""))
        let known = try folder.write("[127.0.0.1]:\(port) \(host.publicLine)\n", to: "known")
        let agent = place == "agent" ? try await KeyAgent.start(in: folder, keys: [key]) : nil
        var link = LinkConfiguration(
            host: "127.0.0.1", port: port, user: "guest", knownHosts: [known],
            authentication: [
                agent.map { .agent(socket: $0.socket, only: nil) }
                    ?? .keyFile(path: key.path, passphrase: SecretBytes(passphrase.utf8))
            ])
        let strict = link
        let error = await IO.task { await connectError(strict) }.value
        #expect(
            error?.description.contains("signed with SHA-1") == true, "\(String(describing: error))"
        )
        link.algorithms.allowsLegacy = true
        let old = link
        #expect(await IO.task { await connectError(old) }.value == nil)
    }

    @Test func `a server may want two keys, one after the other`() async throws {
        var options = SSHServer.Options(shell: .dash)
        options.settings["AuthenticationMethods"] = "publickey,publickey"
        let server = try await SSHServer.start(options)
        let second = try await SSHKey.make(.ecdsa, at: server.directory.file("second"))
        try server.authorize(second.publicLine)
        let one = try server.link()
        guard case .authenticationFailed = await IO.task({ await connectError(one) }).value else {
            Issue.record("one key must not be enough")
            return
        }
        let both = try server.link {
            $0.authentication.append(.keyFile(path: second.path, passphrase: nil))
        }
        #expect(await IO.task { await connectError(both) }.value == nil)
    }

    @Test func `too many keys end with the server's own words`() async throws {
        var options = SSHServer.Options(shell: .dash)
        options.settings["MaxAuthTries"] = "2"
        let server = try await SSHServer.start(options)
        var ways: [Authentication] = []
        for index in 0..<4 {
            let key = try await SSHKey.make(.ed25519, at: server.directory.file("k\(index)"))
            ways.append(.keyFile(path: key.path, passphrase: nil))
        }
        let configuration = try server.link { $0.authentication = ways }
        let error = await IO.task { await connectError(configuration) }.value
        guard case .authenticationFailed(_, let tried, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(tried.last?.outcome.contains("Too many authentication failures") == true)
    }

    @Test(arguments: ["password", "keyboard-interactive"])
    func `passwords work by either method, and a wrong one is named`(method: String) async throws {
        let server = try await PasswordServer.start(method)
        let right = server.link()
        #expect(await IO.task { await connectError(right) }.value == nil)
        let wrong = server.link("wrong horse")
        let error = await IO.task { await connectError(wrong) }.value
        guard case .authenticationFailed(_, let tried, let accepted) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(tried == [LoginAttempt(method: method, outcome: "refused")])
        #expect(accepted == [method])
    }
}
