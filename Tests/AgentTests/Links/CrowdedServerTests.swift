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
    /// What a full server says: before OpenSSH 9.8 the first, since then the second.
    private static let refusals = ["Exceeded MaxStartups", "Not allowed at this time"]

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

    /// Does something while a session at another server works, and prints how long its commands
    /// took.
    @IO private static func besideSession<T: Sendable>(
        _ name: String, _ body: @escaping @IO @Sendable () async -> T
    ) async throws -> T {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let (session, link) = try await SessionsOverSSHTests.open(server)
        defer { link.close() }
        let result = Once<T>()
        IO.task { result.set(await body()) }
        var times: [Duration] = []
        while result.value == nil {
            let start = IO.now
            #expect(try await session.run("echo \(times.count)").output == "\(times.count)\n")
            times.append(IO.now - start)
        }
        let sorted = times.sorted()
        let high = Int(sorted[sorted.count * 95 / 100] / .microseconds(1))
        print("a session beside \(name): \(times.count) commands, p95 \(high) µs")
        return await result.wait()
    }

    @Test @IO func `a connection that was dropped is tried again and made`() async throws {
        let (server, holder) = try await Self.crowded()
        let target = try server.target()
        async let attempt = Self.besideSession("MaxStartups 1") {
            () async -> Result<String, Fault> in
            let links = Links()
            defer { links.shutDown() }
            var options = LinkOptions()
            options.retries = 10
            options.connectTimeout = .seconds(60)
            return await outcome {
                let (channel, link) = try await links.execute(on: target, options) { _ in "true" }
                channel.close()
                return link.server.version
            }
        }
        #expect(await holds { server.log.contains("drop connection #") })
        close(holder)
        #expect(try await attempt.get().hasPrefix("SSH-2.0-"))
    }

    @Test @IO func `a server that stays full is told in its own words`() async throws {
        let (server, holder) = try await Self.crowded()
        defer { close(holder) }
        let target = try server.target()
        let result = try await Self.besideSession("a full server") {
            var options = LinkOptions()
            options.retries = 1
            options.connectTimeout = .seconds(60)
            return await outcome {
                _ = try await Links().execute(on: target, options) { _ in "true" }
            }
        }
        guard case .failure(let fault) = result else {
            Issue.record("entered")
            return
        }
        #expect(fault.code == .unreachable)
        #expect(Self.refusals.contains { fault.message.contains($0) }, "\(fault.message)")
        #expect(fault.message.hasSuffix("(after 2 attempts)"), "\(fault.message)")
    }
}
