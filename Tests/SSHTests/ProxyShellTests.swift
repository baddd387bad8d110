// The shell of a ProxyCommand: the user's, as ssh(1) has it.
import Glibc
import Loop
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct ProxyShellTests {
    @Test(arguments: ["/bin/bash", "/bin/sh", "", nil])
    @IO func `a ProxyCommand runs in the shell of its user`(shell: String?) async throws {
        var environment = ["PATH": "/usr/bin:/bin"]
        environment["SHELL"] = shell
        let (proxy, socket) = try ProxyProcess.start("echo $0", environment: environment)
        let said = await Blocking.run { Self.read(socket) }
        #expect(said == (shell == "/bin/bash" ? "/bin/bash\n" : "/bin/sh\n"))
        proxy.end()
        _ = close(socket)
    }

    /// What the other end writes first; empty: nothing within 20 s, far more than a shell takes.
    private static func read(_ socket: Int32) -> String {
        var ready = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        var bytes = [UInt8](repeating: 0, count: 64)
        guard poll(&ready, 1, 20_000) == 1 else { return "" }
        let count = recv(socket, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
