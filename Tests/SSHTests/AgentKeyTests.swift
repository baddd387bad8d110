// ssh-agents that hang, and keys in them that are bound to hosts (ssh-add -h).
import Foundation
import Loop
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct AgentKeyTests {
    @Test func `an ssh-agent that does not answer is named, and the other keys are tried`()
        async throws
    {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let path = server.directory.file("hangs")
        let deaf = try UnixListener(path)
        defer { deaf.close() }
        let both = try server.link {
            $0.authentication = [
                .agent(socket: path, only: nil), .keyFile(path: server.key.path, passphrase: nil),
            ]
        }
        let alone = try server.link { $0.authentication = [.agent(socket: path, only: nil)] }
        async let first = IO.task { await connectError(both) }.value
        let error = await IO.task { await connectError(alone) }.value
        #expect(await first == nil)
        let words = try #require(error).description
        #expect(words.contains("the agent at \(path) did not answer within 5"), "\(words)")
    }

    @Test func `a key that is bound to a host signs for it and for no other`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let other = try await SSHServer.start(SSHServer.Options(shell: .dash))
        try other.authorize(server.key.publicLine)
        let agent = try await KeyAgent.start(in: server.directory, keys: [])
        let lines = server.hostKeys.map { "box \($0.publicLine)\n" }.joined()
        let known = try server.directory.write(lines, to: "known_box")
        try await RunningProcess.run(
            try #require(Repository.find("ssh-add")),
            ["-q", "-H", known, "-h", "box", server.key.path],
            environment: ["SSH_AUTH_SOCK": agent.socket])
        let right = try server.link {
            $0.authentication = [.agent(socket: agent.socket, only: nil)]
        }
        let error = await IO.task { await connectError(right) }.value
        #expect(error == nil, "\(String(describing: error))")
        let wrong = try other.link { $0.authentication = [.agent(socket: agent.socket, only: nil)] }
        let words = try #require(await IO.task { await connectError(wrong) }.value).description
        #expect(words.contains("the ssh-agent did not sign"), "\(words)")
        #expect(words.contains("bound to other hosts"), "\(words)")
    }
}

/// A socket in the file system that accepts connections and never answers.
private final class UnixListener: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws {
        let made = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            room.copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(made, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0, listen(made, 8) == 0 else { throw Unavailable("no socket at \(path)") }
        descriptor = made
    }

    func close() { Foundation.close(descriptor) }
}
