// A server that has no place for one more stranger (MaxStartups): tried again until there is one,
// or told for what it is.
import Foundation
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct CrowdedServerTests {
    /// A server with one place, and what holds it.
    private static func crowded() async throws -> (server: SSHServer, holder: Int32) {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["MaxStartups": "1"]))
        let holder = try Ports.connect(to: server.port)
        var letter: UInt8 = 0
        // Its version line shows that the server has counted it.
        guard read(holder, &letter, 1) == 1 else { throw Unavailable("sshd said nothing") }
        return (server, holder)
    }

    @Test func `a connection that was dropped is tried again and made`() async throws {
        let (server, holder) = try await Self.crowded()
        let target = try server.target()
        let attempt = IO.task { () async -> Result<String, Fault> in
            let links = Links()
            defer { links.shutDown() }
            var options = LinkOptions()
            options.retries = 10
            options.connectTimeout = .seconds(60)
            return await outcome {
                let (channel, link) = try await links.execute(on: target, options) { _ in "true" }
                channel.close()
                return link.serverVersion
            }
        }
        #expect(await holds { server.log.contains("MaxStartups") })
        close(holder)
        #expect(try await attempt.value.get().hasPrefix("SSH-2.0-"))
    }

    @Test func `a server that stays full is told in its own words`() async throws {
        let (server, holder) = try await Self.crowded()
        defer { close(holder) }
        let target = try server.target()
        let result = await IO.task {
            var options = LinkOptions()
            options.retries = 1
            options.connectTimeout = .seconds(60)
            return await outcome {
                _ = try await Links().execute(on: target, options) { _ in "true" }
            }
        }.value
        guard case .failure(let fault) = result else {
            Issue.record("entered")
            return
        }
        #expect(fault.code == .unreachable)
        #expect(fault.message.contains("MaxStartups"), "\(fault.message)")
        #expect(fault.message.hasSuffix("(after 2 attempts)"), "\(fault.message)")
    }
}
