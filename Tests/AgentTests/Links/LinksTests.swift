// The pool of links against a real sshd: sharing, a second link when the first is full, idleness.
import Foundation
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

extension SSHServer {
    /// The server as a target that logs in with its own key.
    func target() throws -> SSHTarget {
        let known = try directory.write(knownHosts, to: "known_hosts")
        var target = SSHTarget(
            try TargetName("127.0.0.1"),
            place: Place(environment: [:], user: user, home: directory.path))
        target.name = "fixture"
        target.port = port
        target.credentials.identityFiles = [key.path, directory.file("missing")]
        target.hostKeys.files = [known]
        return target
    }
}

@Suite(.timeLimit(.minutes(1))) struct LinksTests {
    @Test func `callers at once share one link`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let target = try server.target()
        let counts = await IO.task { () async -> [Int] in
            let links = Links()
            let tasks = (0..<6).map { _ in
                IO.task {
                    await outcome {
                        try await links.execute(on: target, command: { _ in "cat" }).channel
                    }
                }
            }
            var open: [Channel] = []
            for task in tasks {
                if let channel = try? await task.value.get() { open.append(channel) }
            }
            let counts = [open.count, links.open.count, links.open.first?.channels ?? 0]
            links.shutDown()
            return counts + [links.open.count]
        }.value
        #expect(counts == [6, 1, 6, 0])
    }

    @Test func `a full link gets a second beside it`() async throws {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["MaxSessions": "2"]))
        let target = try server.target()
        let counts = await IO.task { () async -> [Int] in
            let links = Links()
            var open: [Channel] = []
            for _ in 0..<5 {
                if let (channel, _) = try? await links.execute(on: target, command: { _ in "cat" })
                {
                    open.append(channel)
                }
            }
            defer { links.shutDown() }
            return [open.count, links.open.count]
        }.value
        #expect(counts == [5, 3])
    }

    @Test func `links tell what they have done, and the pool what came of all`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let target = try server.target()
        var locked = target
        locked.hostKeys.files = []
        locked.hostKeys.alias = "other"
        try await IO.task { [locked] () async -> Result<Void, Fault> in
            await outcome {
                let links = Links()
                defer { links.shutDown() }
                for _ in 0..<3 { _ = try await links.execute(on: target, command: { _ in "true" }) }
                _ = await outcome { _ = try await links.link(to: locked) }
                let link = try #require(links.open.first)
                #expect(link.target == "fixture" && link.host == "127.0.0.1:\(target.port)")
                #expect(link.uses == 3 && link.errors == 0 && link.via.isEmpty)
                #expect(link.bytesIn > 1000 && link.bytesOut > 1000)
                #expect((link.roundTripMS ?? 0) > 0)
                #expect(link.created.count == 20 && link.lastUsed >= link.created)
                var expected = PoolInfo()
                (expected.links, expected.opened, expected.failed) = (1, 1, 1)
                #expect(links.summary == expected)
                server.cutConnections()
                #expect(await holds { links.open.isEmpty })
                (expected.links, expected.lost) = (0, 1)
                #expect(links.summary == expected)
            }
        }.value.get()
    }

    @Test func `an unused link is closed, a used one is not`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let target = try server.target()
        let result = await IO.task { () async -> [Int] in
            let links = Links(idleTime: .seconds(1))
            guard let (channel, _) = try? await links.execute(on: target, command: { _ in "cat" })
            else {
                return []
            }
            try? await IO.sleep(for: .seconds(3))
            let used = links.open.count
            channel.resume()
            channel.sendEOF()
            let closed = await holds { links.open.isEmpty }
            return [used, closed ? 0 : 1]
        }.value
        #expect(result == [1, 0])
    }

    @Test func `an identity names the agent's key by what it tells of its public half`()
        async throws
    {
        var options = SSHServer.Options(shell: .dash)
        options.passphrase = "sesame"
        let server = try await SSHServer.start(options)
        let plain = try await SSHKey.make(.ed25519, at: server.directory.file("plain"))
        let others = try await SSHKey.make(.ed25519, at: server.directory.file("other"))
        try server.authorize(plain.publicLine)
        let agent = try await KeyAgent.start(in: server.directory, keys: [others, plain])
        // The agent holds it open; the file is locked, and nothing stands beside it.
        let keygen = try #require(Repository.find("ssh-keygen"))
        let locked = server.directory.file("locked")
        try FileManager.default.copyItem(atPath: plain.path, toPath: locked)
        try await RunningProcess.run(keygen, ["-q", "-p", "-N", "sesame", "-f", locked])
        var entered: [Bool] = []
        for file in [locked, plain.path + ".pub", others.path] {
            var target = try server.target()
            target.credentials.identitiesOnly = true
            target.credentials.agentSocket = agent.socket
            target.credentials.identityFiles = [file]
            let asked = target
            let result = await IO.task {
                let links = Links()
                defer { links.shutDown() }
                return await outcome { _ = try await links.link(to: asked) }
            }.value
            entered.append((try? result.get()) != nil)
        }
        #expect(entered == [true, true, false])
    }

    @Test func `two names for one host share a link unless they enter it differently`()
        async throws
    {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let stranger = try await SSHKey.make(.ed25519, at: server.directory.file("stranger"))
        var targets = [try server.target(), try server.target(), try server.target()]
        targets[1].name = "alias"
        targets[2].name = "other"
        targets[2].credentials.identityFiles = [stranger.path]
        let entered = await IO.task { [targets] () async -> [Bool] in
            let links = Links()
            defer { links.shutDown() }
            var entered: [Bool] = []
            for target in targets {
                let result = await outcome { _ = try await links.link(to: target) }
                entered.append((try? result.get()) != nil)
            }
            return entered + [links.open.count == 1]
        }.value
        #expect(entered == [true, true, false, true])
    }

    @Test func `no more links than allowed, and an unused one gives way`() async throws {
        let servers = [
            try await SSHServer.start(SSHServer.Options(shell: .dash)),
            try await SSHServer.start(SSHServer.Options(shell: .dash)),
        ]
        let targets = try servers.map { try $0.target() }
        let messages = await IO.task { () async -> [String] in
            let links = Links()
            links.limit = 1
            defer { links.shutDown() }
            var messages: [String] = []
            func enter(_ index: Int) async -> Channel? {
                let result = await outcome {
                    try await links.execute(on: targets[index], command: { _ in "cat" }).channel
                }
                if case .failure(let fault) = result { messages.append(fault.message) }
                return try? result.get()
            }
            guard let first = await enter(0) else { return messages }
            _ = await enter(1)
            first.resume()
            first.sendEOF()
            _ = await holds { links.open.allSatisfy { $0.channels == 0 } }
            if await enter(1) != nil { messages.append("in, of \(links.open.count)") }
            return messages
        }.value
        #expect(messages.count == 2 && messages[0].contains("MaxLinks 1"), "\(messages)")
        #expect(messages.last == "in, of 1")
    }

    @Test func `certificates that ssh_config or agent.conf name are offered`() async throws {
        let folder = try TemporaryDirectory("certificates")
        let authority = try await SSHKey.make(.ed25519, at: folder.file("ca"))
        let server = try await SSHServer.start(
            SSHServer.Options(
                shell: .dash, settings: ["TrustedUserCAKeys": "\(authority.path).pub"]))
        let key = try await SSHKey.make(.ed25519, at: folder.file("key"))
        let made = try await key.certify(by: authority, principals: [server.user])
        let text = try String(contentsOfFile: made, encoding: .utf8)
        for index in 0..<4 { try folder.write(text, to: "c\(index)") }
        unlink(made)
        let block = try server.configuration(alias: "certified")
            .replacing("IdentityFile \(server.key.path)", with: "IdentityFile \(key.path)")
        let config = try folder.write(
            block + "    CertificateFile \(folder.path)/%n-none\n    CertificateFile ~/c1\n",
            to: "config")
        let plain = try folder.write(block, to: "plain")
        let results = await IO.task { () async -> [String] in
            var results: [String] = []
            for (file, named) in [(config, []), (plain, ["~/c2"]), (plain, [])] {
                var settings = TargetSettings(sshConfig: file)
                var own = TargetBlock(patterns: ["certified"])
                own.certificateFiles = named
                settings.blocks = [own]
                let targets = Targets(
                    settings: settings,
                    place: Place(environment: [:], user: "me", home: folder.path))
                let links = Links()
                let result = await outcome {
                    let target = try await targets.resolve(TargetName("certified"))
                    _ = try await links.link(to: target)
                    return target.credentials.certificateFiles.joined(separator: " ")
                }
                links.shutDown()
                results.append((try? result.get()) ?? "refused")
            }
            return results
        }.value
        #expect(
            results == [
                "\(folder.path)/certified-none \(folder.path)/c1", "\(folder.path)/c2", "refused",
            ])
    }

    @Test func `a link that died in the pool is replaced`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let target = try server.target()
        try await IO.task { () async -> Result<Void, Fault> in
            await outcome {
                let links = Links()
                defer { links.shutDown() }
                _ = try await links.execute(on: target, command: { _ in "true" })
                server.cutConnections()
                _ = try await links.execute(on: target, command: { _ in "true" })
                #expect(links.open.count == 1)
            }
        }.value.get()
    }

    @Test func `a failure names the target, with a stable code`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        var target = try server.target()
        target.hostKeys.files = [server.directory.file("none")]
        let asked = target
        let result = await IO.task {
            await outcome {
                _ = try await Links().execute(on: asked) { _ in "true" }
            }
        }.value
        guard case .failure(let fault) = result else {
            Issue.record("entered")
            return
        }
        #expect(fault.code == .hostKeyUnknown)
        #expect(fault.message.hasPrefix("fixture: the host key of"))
    }

    @Test func `a target behind jump hosts is entered through their links`() async throws {
        var servers: [SSHServer] = []
        for _ in 0..<3 {
            servers.append(try await SSHServer.start(SSHServer.Options(shell: .dash)))
        }
        let folder = servers[0].directory
        let text = try zip(servers, ["gate", "middle", "inside"]).map { server, alias in
            try server.configuration(alias: alias)
        }
        let config = try folder.write(
            text[0] + text[1] + "    ProxyJump gate\n" + text[2] + "    ProxyJump middle\n",
            to: "config")
        let counts = try await IO.task { () async -> Result<[Int], Fault> in
            await outcome {
                let targets = Targets(
                    settings: TargetSettings(sshConfig: config),
                    place: Place(environment: [:], user: "me", home: folder.path))
                let links = Links()
                defer { links.shutDown() }
                let inside = try await targets.resolve(TargetName("inside"))
                #expect(inside.via.map(\.name) == ["gate", "middle"])
                _ = try await links.execute(on: inside) { _ in "true" }
                let before = links.open.count
                let middle = try await targets.resolve(TargetName("middle"))
                _ = try await links.execute(on: middle) { _ in "true" }
                return [before, links.open.count]
            }
        }.value.get()
        #expect(counts == [3, 3])
    }

    @Test func `jump hosts in a circle are refused`() async throws {
        let folder = try TemporaryDirectory("circle")
        let config = try folder.write(
            "Host a\n ProxyJump b\nHost b\n ProxyJump a\n", to: "config")
        let result = await IO.task {
            await outcome {
                try await Targets(
                    settings: TargetSettings(sshConfig: config),
                    place: Place(environment: [:], user: "me", home: folder.path)
                ).resolve(TargetName("a"))
            }
        }.value
        guard case .failure(let fault) = result else {
            Issue.record("resolved")
            return
        }
        #expect(fault.message.contains("circle"))
    }

    @Test func `a proxy command carries the link, and says why when it cannot`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let netcat = """
            import socket, sys, threading, os
            s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
            def up():
                while d := os.read(0, 65536): s.sendall(d)
                s.shutdown(1)
            threading.Thread(target=up, daemon=True).start()
            while d := s.recv(65536): os.write(1, d)
            """
        let python = try #require(Repository.find("python3"))
        let script = try server.directory.write(netcat, to: "netcat.py")
        var target = try server.target()
        target.proxyCommand = "\(python) \(script) 127.0.0.1 \(server.port)"
        target.hostname = "not-a-name.invalid"
        target.hostKeys.alias = "[127.0.0.1]:\(server.port)"
        var broken = target
        broken.port = 9
        broken.proxyCommand = "echo the gate is shut >&2; exit 1"
        let result = await IO.task { [target, broken] in
            let links = Links()
            defer { links.shutDown() }
            let carried = await outcome {
                try await links.execute(on: target, command: { _ in "true" }).link.server.version
            }
            var options = LinkOptions()
            options.retries = 1
            let failed = await outcome {
                _ = try await links.execute(on: broken, options, command: { _ in "true" })
            }
            return (carried, failed)
        }.value
        #expect(try result.0.get().hasPrefix("SSH-2.0-"))
        guard case .failure(let fault) = result.1 else {
            Issue.record("entered")
            return
        }
        #expect(fault.message.contains("the gate is shut"))
        #expect(fault.message.contains("after 2 attempts"))
    }
}
