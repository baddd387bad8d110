// Every kind of server a person meets: it is entered, or the error is its own and comes in time.
import Crypto
import Foundation
import Loop
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(3))) struct ServersTests {
    @Test(
        arguments: [
            ("default", [:]), ("MaxSessions 1", ["MaxSessions": "1"]),
            ("MaxSessions 2", ["MaxSessions": "2"]),
            ("RekeyLimit 1M", ["RekeyLimit": "1M"]), ("compression", ["Compression": "yes"]),
            ("hardened", SSHServer.Options.hardened),
            ("aes256-ctr etm", ["Ciphers": "aes256-ctr", "MACs": "hmac-sha2-256-etm@openssh.com"]),
            ("aes256-gcm", ["Ciphers": "aes256-gcm@openssh.com"]),
        ] as [(String, [String: String])])
    func `a server is entered and carries what is sent`(
        name: String, settings: [String: String]
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link { $0.compresses = name == "compression" }
        // With RekeyLimit 1M that is some 40 exchanges of keys each way.
        let size = name == "RekeyLimit 1M" ? 40 << 20 : 4 << 20
        let input = pattern(size >> 3)
        try await Bystander.beside(name) {
            let link = try await Link.connect(configuration)
            let channel = try await link.execute("head -c \(size) /dev/zero | tr '\\0' x")
            let result = try #require(await channel.finished(within: .seconds(120)))
            #expect(result.output == [UInt8](repeating: 120, count: size))
            #expect(try await link.run("cat", input: input).output == input)
            link.close()
        }
    }

    @Test(arguments: [KeyKind.rsa, .ecdsa, .ed25519])
    func `a server with one kind of host key is entered`(kind: KeyKind) async throws {
        var options = SSHServer.Options(shell: .dash)
        options.hostKeys = [kind]
        let server = try await SSHServer.start(options)
        let configuration = try server.link()
        try await Bystander.beside("\(kind) host key alone") {
            #expect(await connectError(configuration) == nil)
        }
    }

    /// A login and a command take some 3,500 bytes of the server: every part is broken.
    @Test(
        arguments: [0, 10, 60, 600, 1100, 1400, 1700, 1900, 2100, 2300, 2500, 2700, 2900, 3200]
            .flatMap { [SlowLink.Break.stalls($0), .ends($0)] })
    func `a connection that breaks anywhere gives its own error in time`(
        place: SlowLink.Break
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let line = try SlowLink(to: server.port, breaks: place)
        defer { line.close() }
        // An end is told when it comes; only a stall is waited out.
        var limit = Duration.seconds(60)
        if case .stalls = place { limit = .seconds(3) }
        let known = try server.directory.write(
            server.knownHosts.replacingOccurrences(of: ":\(server.port) ", with: ":\(line.port) "),
            to: "known_line")
        let broken = try server.link { [limit] in
            $0.port = line.port
            $0.trust.files = [known]
            ($0.limits.connect, $0.limits.login, $0.limits.channel) = (limit, limit, limit)
            $0.limits.alive = .milliseconds(300)
        }
        // What works goes on working beside it.
        try await Bystander.beside("\(place)") {
            let start = IO.now
            let error: SSHError?
            do throws(SSHError) {
                let link = try await Link.connect(broken)
                defer { link.close() }
                let channel = try await link.execute("echo in")
                // Past its start, a break shows as the end of the channel.
                _ = await channel.finished(within: .seconds(10))
                error = nil
            } catch let failure {
                error = failure
            }
            #expect(IO.now - start < .seconds(30), "\(place)")
            switch (place, error) {
            case (.stalls(..<1000), .handshakeTimedOut?), (.ends(..<1000), .handshakeFailed?),
                (.ends(..<1000), .algorithmsRefused?):
                break
            case (.stalls(..<1000), _), (.ends(..<1000), _):
                Issue.record("\(place): \(String(describing: error))")
            case (_, .handshakeTimedOut?), (_, .handshakeFailed?), (_, .loginTimedOut?),
                (_, .authenticationFailed?), (_, .linkLost?), (_, .channelTimedOut?),
                (_, .requestUnanswered?), (_, .channelRefused?), (_, nil):
                break
            case (_, let other?): Issue.record("\(place): \(other)")
            }
        }
    }
}
