// Links and channels against a real sshd.
import Loop
import Programs
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct LinkTests {
    @Test func `a command gives its output, its errors and its exit code`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let done = try await link.run("echo out; echo err >&2; exit 7")
            #expect(done.text == "out\n")
            #expect(done.errorText == "err\n")
            #expect(done.end == .exited(7))
            #expect(link.server.version.hasPrefix("SSH-2.0-OpenSSH"))
            #expect(link.server.cipher == "chacha20-poly1305@openssh.com")
            let killed = try await link.run("kill -TERM $$")
            #expect(killed.end == .signalled("TERM"))
            #expect(link.channelCount == 0)
        }
    }
}
