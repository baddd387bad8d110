// Connections that cannot be made: each cause has its own error, in bounded time.
import Glibc
import Loop
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectTests {
    @Test(arguments: [
        SSHServer.Options.hardened,
        ["Ciphers": "aes256-ctr", "MACs": "hmac-sha2-256-etm@openssh.com"],
        ["Ciphers": "aes128-ctr", "MACs": "hmac-sha2-512"],
        ["Ciphers": "aes128-gcm@openssh.com"],
    ])
    func `servers with one kind of cipher are entered`(settings: [String: String]) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link()
        try await onLoop {
            for _ in 0..<2 {
                let link = try await Link.connect(configuration)
                #expect(try await link.run("echo yes").text == "yes\n")
                link.close()
            }
        }
    }

    @Test(arguments: [
        ["Ciphers": "aes256-cbc"], ["KexAlgorithms": "diffie-hellman-group1-sha1"],
        ["Ciphers": "aes256-ctr", "MACs": "umac-64@openssh.com"],
    ])
    func `refused algorithms are named`(settings: [String: String]) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link()
        let error = await IO.task { await connectError(configuration) }.value
        guard case .algorithmsRefused(_, let offered, nil) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        for name in settings.values { #expect(offered.contains(name)) }
    }

    @Test func `old gear is entered when the target asks for old algorithms`() async throws {
        let settings = [
            "KexAlgorithms": "diffie-hellman-group14-sha1", "MACs": "hmac-sha1",
            "Ciphers": "aes128-ctr", "HostKeyAlgorithms": "ssh-rsa",
        ]
        var options = SSHServer.Options(shell: .dash, settings: settings)
        options.hostKeys = [.rsa]
        let server = try await SSHServer.start(options)
        let configuration = try server.link { $0.algorithms.allowsLegacy = true }
        #expect(await IO.task { await connectError(configuration) }.value == nil)
    }

    @Test func `a name that does not exist`() async throws {
        let error = await IO.task { await connectError(stranger("no-such-host.invalid", 22)) }.value
        switch error {
        case .nameNotFound("no-such-host.invalid"), .nameLookupFailed("no-such-host.invalid", _):
            break
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test func `a closed port`() async throws {
        let port = try Ports.free()
        let error = await IO.task { await connectError(stranger("127.0.0.1", port)) }.value
        #expect(error == .connectionRefused(address: "127.0.0.1:\(port)"))
    }

    @Test func `a host that does not answer`() async throws {
        // A backlog that is full drops further connections, as a firewall would.
        let listener = try Listener(backlog: 0)
        let full = try (0..<3).map { _ in try listener.client() }
        defer { for socket in full { close(socket) } }
        let start = ContinuousClock.now
        let error = await IO.task {
            await connectError(stranger("127.0.0.1", listener.port, .milliseconds(600)))
        }.value
        guard case .connectTimedOut = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(15))
    }

    @Test func `a server that accepts and says nothing`() async throws {
        let listener = try Listener(backlog: 8)
        let error = await IO.task {
            await connectError(stranger("127.0.0.1", listener.port, .seconds(2)))
        }.value
        guard case .handshakeTimedOut = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(arguments: ["", "HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n\u{0}\u{0}\u{0}\u{1}"])
    func `a server that is none and hangs up`(words: String) async throws {
        let listener = try Listener(backlog: 8)
        listener.answer(words)
        let error = await IO.task { await connectError(stranger("127.0.0.1", listener.port)) }.value
        guard case .handshakeFailed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

/// A configuration for a host that is not expected to let anyone in.
private func stranger(
    _ host: String, _ port: UInt16, _ limit: Duration = .seconds(10)
) -> LinkConfiguration {
    var configuration = LinkConfiguration(
        host: host, port: port, user: "nobody", knownHosts: [], authentication: [])
    configuration.limits.connect = limit
    return configuration
}

/// A listening socket that accepts nobody, or answers one client and hangs up.
private final class Listener: Sendable {
    let descriptor: Int32
    let port: UInt16

    init(backlog: Int32) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) | listen(descriptor, backlog)
                    | getsockname(descriptor, $0, &size)
            }
        }
        guard code == 0 else { throw Unavailable("cannot listen: errno \(errno)") }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    /// A non-blocking connection to it.
    func client() throws -> Int32 {
        let client = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard let address = SocketAddress(ip: "127.0.0.1", port: port) else { return client }
        _ = address.withSockaddr { connect(client, $0, $1) }
        return client
    }

    func answer(_ words: String) {
        let descriptor = descriptor
        Task.detached {
            let peer = accept(descriptor, nil, nil)
            _ = write(peer, words, words.utf8.count)
            var buffer = [UInt8](repeating: 0, count: 65536)
            _ = recv(peer, &buffer, buffer.count, 0)  // or closing would send a reset
            close(peer)
        }
    }
}
