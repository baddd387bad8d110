// What a link counts, against what its server did.
import Loop
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct StatisticsTests {
    @Test func `a link counts its channels, bytes, errors and times`() async throws {
        let settings = ["MaxSessions": "1"]
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let fresh = link.statistics
            #expect(fresh.created > 1_700_000_000 && fresh.lastUsed >= fresh.created)
            #expect(fresh.uses == 0 && fresh.errors == 0 && fresh.rekeys == 0)
            #expect(fresh.roundTrip == nil)
            // The key exchange and the login went over it.
            #expect(fresh.bytesReceived > 500 && fresh.bytesSent > 500)
            let input = [UInt8](repeating: 7, count: 300_000)
            #expect(try await link.run("cat", input: input).output.count == input.count)
            let used = link.statistics
            #expect(used.uses == 1)
            #expect(used.bytesReceived > fresh.bytesReceived + 300_000)
            #expect(used.bytesReceived < fresh.bytesReceived + 400_000)
            #expect(used.bytesSent > fresh.bytesSent + 300_000)
            #expect(try #require(used.roundTrip) > .zero)
            // The server may count the closed channel for a moment longer, and refuse the shell.
            let shell = try #require(await eventually { try? await link.openShell() })
            let refused = link.statistics.errors
            await #expect(throws: SSHError.self) { _ = try await link.execute("true") }
            #expect(link.statistics.uses == 2)
            #expect(link.statistics.errors == refused + 1)
            shell.close()
        }
    }

    @Test(arguments: ["curve25519-sha256", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256"])
    func `it counts every key exchange that the server began`(exchange: String) async throws {
        let settings = [
            "RekeyLimit": "1M", "LogLevel": "DEBUG1", "KexAlgorithms": exchange,
        ]
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            #expect(try await link.run("head -c 9000000 /dev/zero").output.count == 9_000_000)
            let rekeys = link.statistics.rekeys
            #expect(rekeys >= 7)
            // The server says so once for each, when the client has taken its new keys.
            let told = await holds {
                server.log.split(whereSeparator: \.isNewline)
                    .count { $0.contains("rekeying in,") } == rekeys
            }
            #expect(told, "\(rekeys)")
        }
    }
}
