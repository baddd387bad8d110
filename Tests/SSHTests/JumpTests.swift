// Links over links: a target behind a jump host, two hops, and what happens when one goes away.
import Crypto
import Loop
import Programs
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct JumpTests {
    @Test(arguments: [1, 2, 3])
    func `a link runs over other links`(hops: Int) async throws {
        let servers = try await Self.servers(hops + 1)
        let configurations = try servers.map { try $0.link() }
        let input = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
        try await onLoop {
            var links: [Link] = []
            for configuration in configurations {
                links.append(try await Link.connect(configuration, through: links.last))
            }
            let inner = try #require(links.last)
            #expect(try await inner.run("echo $HOME").text == servers[hops].home + "\n")
            // The ways in between stay usable at the same time.
            let tasks = links.flatMap { link in
                (0..<4).map { index in
                    IO.task {
                        try? await link.run("echo \(index); head -c 300000 /dev/zero").output.count
                    }
                }
            }
            for task in tasks { #expect(await task.value == 300_002) }
            #expect(try await inner.run("cat", input: input).output == input)
            let files = try await inner.openSFTP()
            let path = servers[hops].directory.file("sent")
            try await files.write(path, input, [.write, .create], mode: nil)
            #expect(try await files.read(path, count: 1 << 21) == input)
            let paused = try await inner.execute("head -c 6000000 /dev/zero")
            #expect(try await inner.run("echo on").text == "on\n")
            #expect(await paused.finished()?.output.count == 6_000_000)
            inner.close()
            for link in links.dropLast() { #expect(link.isOpen) }
            #expect(await holds { links[hops - 1].channelCount == 0 })
            for link in links { link.close() }
        }
    }

    @Test func `an encrypted key is opened behind a jump host`() async throws {
        var options = SSHServer.Options(shell: .dash)
        options.passphrase = "sesame"
        let (outer, inner) = (try await Self.servers(1)[0], try await SSHServer.start(options))
        let first = try outer.link()
        let second = try inner.link {
            $0.authentication = [
                .keyFile(path: inner.key.path, passphrase: SecretBytes("sesame".utf8))
            ]
        }
        try await onLoop {
            let jump = try await Link.connect(first)
            let link = try await Link.connect(second, through: jump)
            #expect(try await link.run("echo in").text == "in\n")
            jump.close()
        }
    }

    @Test func `losing the jump host loses what runs behind it`() async throws {
        let servers = try await Self.servers(2)
        let configurations = try servers.map { try $0.link() }
        try await onLoop {
            let jump = try await Link.connect(configurations[0])
            let link = try await Link.connect(configurations[1], through: jump)
            let channel = try await link.execute("echo before; sleep 68")
            let text = Gathering()
            // Set before the cut, as the end comes once, to whoever waits for it then.
            let ended = Once<ProgramEnd>()
            channel.onOutput = { text.bytes += $0 }
            channel.onEnd = { ended.set($0) }
            channel.resume()
            #expect(await holds { text.string == "before\n" })
            servers[0].cutConnections()
            guard case .lost(let reason) = await IO.within(.seconds(30), { await ended.wait() })
            else {
                Issue.record("not lost")
                return
            }
            #expect(reason.contains("jump host"))
            #expect(!link.isOpen && !jump.isOpen)
        }
    }

    @Test func `a target that its jump host cannot reach is named`() async throws {
        let server = try await Self.servers(1)[0]
        let configuration = try server.link()
        let port = try Ports.free()
        try await onLoop {
            let jump = try await Link.connect(configuration)
            var behind = configuration
            behind.port = port
            do throws(SSHError) {
                _ = try await Link.connect(behind, through: jump)
                Issue.record("connected")
            } catch {
                guard case .unreachable(let address, let reason) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(address == "127.0.0.1:\(port)")
                #expect(reason.contains("the jump host"))
            }
            #expect(try await jump.run("echo on").text == "on\n")
            jump.close()
        }
    }

    private static func servers(_ count: Int) async throws -> [SSHServer] {
        var servers: [SSHServer] = []
        for _ in 0..<count {
            servers.append(try await SSHServer.start(SSHServer.Options(shell: .dash)))
        }
        return servers
    }
}

extension SSHServer {
    /// The home of its sessions.
    fileprivate var home: String { directory.file("home") }
}
