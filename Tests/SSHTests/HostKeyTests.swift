// Host keys: strict, filed, changed, revoked, against a real sshd.
import Foundation
import Loop
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct HostKeyTests {
    @Test func `an unknown host key is refused with its fingerprint`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link { $0.trust.files = [server.directory.file("none")] }
        let error = await IO.task { await connectError(configuration) }.value
        guard case .hostKeyUnknown(let host, let key, nil) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(host == "[127.0.0.1]:\(server.port)")
        #expect(key.type == "ssh-ed25519")
        #expect(try await key.fingerprint == server.hostKeys[0].fingerprint())
        #expect(error?.description.contains("homeline-agent targets trust") == true)
    }

    @Test func `accepting new keys files them hashed, and strict links then work`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let file = server.directory.file("new/known_hosts")
        let accepting = try server.link {
            $0.trust.files = [file]
            $0.trust.acceptsNew = true
        }
        #expect(await IO.task { await connectError(accepting) }.value == nil)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.hasPrefix("|1|") && !text.contains("127.0.0.1"))
        let strict = try server.link { $0.trust.files = [file] }
        #expect(await IO.task { await connectError(strict) }.value == nil)
        let count = try await IO.task {
            await Result { () async throws(SSHError) -> Int in
                try await KnownHosts.forget(host: "127.0.0.1", port: server.port, file: file)
            }
        }.value.get()
        #expect(count == 1)
        guard case .hostKeyUnknown = await IO.task({ await connectError(strict) }).value else {
            Issue.record("the key was not forgotten")
            return
        }
    }

    /// A folder in place of the file, and a path through a file.
    @Test(.needs("ssh"), arguments: ["folder", "host_ed25519/known"])
    func `a new key whose file cannot be read is accepted where ssh accepts it`(
        name: String
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        try server.directory.folder("folder")
        let file = server.directory.file(name)
        for (checking, accepts) in [("accept-new", true), ("yes", false)] {
            let ssh = try RunningProcess(
                try #require(Repository.find("ssh")),
                ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=\(file)"]
                    + ["-o", "StrictHostKeyChecking=\(checking)", "-o", "IdentitiesOnly=yes"]
                    + ["-i", server.key.path, "-p", "\(server.port)"]
                    + ["\(server.user)@127.0.0.1", "true"])
            let enters = try await ssh.finished(within: .seconds(30)) == .exited(0)
            #expect(enters == accepts, "ssh: \(ssh.errors)")
            let configuration = try server.link {
                $0.trust.files = [file]
                $0.trust.acceptsNew = accepts
            }
            try await onLoop {
                do throws(SSHError) {
                    let link = try await Link.connect(configuration)
                    #expect(accepts)
                    let note = link.server.notes.first ?? ""
                    #expect(note.contains("could not be stored") && note.contains(file), "\(note)")
                    link.close()
                } catch {
                    #expect(!accepts && error.unknownKey != nil, "\(error)")
                    #expect("\(error)".contains(file), "\(error)")
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `a changed host key is refused even when new ones are accepted`(
        otherType: Bool
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let kind: KeyKind = otherType ? .ecdsa : .ed25519
        let other = try await SSHKey.make(kind, at: server.directory.file("other"))
        let parts = other.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
        let known = try server.directory.write(
            "[127.0.0.1]:\(server.port) \(parts)\n", to: "known")
        let configuration = try server.link {
            $0.trust.files = [known]
            $0.trust.acceptsNew = true
        }
        let error = await IO.task { await connectError(configuration) }.value
        guard case .hostKeyChanged(_, let list, let offered) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(list.count == 1 && list[0].contains("known:1"))
        #expect(offered.type == "ssh-ed25519")
    }

    @Test func `a revoked host key is refused`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let revoked = server.knownHosts.split(separator: "\n").map { "@revoked \($0)\n" }.joined()
        let known = try server.directory.write(server.knownHosts + revoked, to: "known")
        let configuration = try server.link { $0.trust.files = [known] }
        let error = await IO.task { await connectError(configuration) }.value
        guard case .hostKeyRevoked = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(arguments: [KeyKind.ed25519, .ecdsa, .rsa], [false, true])
    func `a host's certificate is no proof here, and the refusal says what is`(
        kind: KeyKind, certificatesOnly: Bool
    ) async throws {
        let folder = try TemporaryDirectory("host-certificate")
        let authority = try await SSHKey.make(.ed25519, at: folder.file("ca"))
        let host = try await SSHKey.make(kind, at: folder.file("host"))
        let file = try await host.certify(by: authority, principals: ["127.0.0.1"], ["-h"])
        let names = [
            KeyKind.ed25519: "ssh-ed25519", .ecdsa: "ecdsa-sha2-nistp256", .rsa: "rsa-sha2-512",
        ]
        let algorithm = try #require(names[kind]) + "-cert-v01@openssh.com"
        var settings = ["HostKey": host.path, "HostCertificate": file]
        if certificatesOnly { settings["HostKeyAlgorithms"] = algorithm }
        var options = SSHServer.Options(shell: .dash, settings: settings)
        options.hostKeys = []
        let server = try await SSHServer.start(options)
        let known = try folder.write(
            "# ours\n@cert-authority 127.0.0.1,[127.0.0.1]:* \(authority.publicLine)\n", to: "known"
        )
        let configuration = try server.link { $0.trust.files = [known] }
        let error = await IO.task { await connectError(configuration) }.value
        let text = "\(try #require(error))"
        if certificatesOnly {
            #expect(
                error
                    == .hostCertificatesOnly(
                        address: "127.0.0.1:\(server.port)", offered: [algorithm]))
            #expect(text.contains("HostKeyAlgorithms") && text.contains("targets trust"), "\(text)")
            return
        }
        guard case .hostKeyUnknown(_, let key, let place) = error else {
            Issue.record("\(text)")
            return
        }
        #expect(place == "\(known):2")
        #expect(text.contains("cannot check host certificates") && text.contains("targets trust"))
        // What the refusal asks for is enough.
        let own = folder.file("own")
        try await IO.task {
            await Result { () async throws(SSHError) in
                try await KnownHosts.trust(
                    key, host: "127.0.0.1", port: server.port, alias: nil, file: own)
            }
        }.value.get()
        let trusting = try server.link { $0.trust.files = [known, own] }
        #expect(await IO.task { await connectError(trusting) }.value == nil)
    }

    @Test func `the key type on file is the one asked for`() async throws {
        var options = SSHServer.Options(shell: .dash)
        options.hostKeys = [.ed25519, .rsa, .ecdsa]
        let server = try await SSHServer.start(options)
        for key in server.hostKeys {
            let parts = key.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
            let known = try server.directory.write(
                "[127.0.0.1]:\(server.port) \(parts)\n", to: "known")
            let configuration = try server.link { $0.trust.files = [known] }
            #expect(await IO.task { await connectError(configuration) }.value == nil)
        }
    }
}

extension Result where Failure == SSHError {
    /// A result from a throwing body.
    @IO init(_ body: @IO () async throws(SSHError) -> Success) async {
        do throws(SSHError) {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
