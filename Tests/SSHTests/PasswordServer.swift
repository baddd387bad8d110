// An SSH server that takes a password, which sshd only does for real accounts: asyncssh.
import Crypto
import Foundation
import SSH
import Support

/// A running asyncssh server for one test; user `guest`, password `right horse`.
final class PasswordServer: Sendable {
    let port: UInt16
    let knownHosts: String
    private let directory: TemporaryDirectory
    private let process: RunningProcess

    private init(port: UInt16, directory: TemporaryDirectory, process: RunningProcess) throws {
        (self.port, self.directory, self.process) = (port, directory, process)
        let key = try String(contentsOfFile: directory.file("host.pub"), encoding: .utf8)
        knownHosts = try directory.write("[127.0.0.1]:\(port) \(key)", to: "known_hosts")
    }

    /// A configuration that logs in with `password`.
    func link(_ password: String = "right horse") -> LinkConfiguration {
        LinkConfiguration(
            host: "127.0.0.1", port: port, user: "guest", knownHosts: [knownHosts],
            authentication: [.password(SecretBytes(password.utf8))])
    }

    /// Starts a server that accepts `password` or `keyboard-interactive`.
    static func start(_ method: String) async throws -> PasswordServer {
        guard let python = Repository.python else {
            throw Unavailable("no Python of the test set-up: run ./test")
        }
        let directory = try TemporaryDirectory("asyncssh")
        _ = try await SSHKey.make(.ed25519, at: directory.file("host"))
        let script = try directory.write(program, to: "server.py")
        let process = try RunningProcess(python, [script, directory.file("host"), method])
        let line = try await process.line(containing: "listening")
        guard let port = UInt16(line.split(separator: " ").last ?? "") else {
            throw Unavailable("asyncssh said \(line)")
        }
        return try PasswordServer(port: port, directory: directory, process: process)
    }

    private static let program = """
        import asyncio, sys, asyncssh
        key, method = sys.argv[1], sys.argv[2]

        class Server(asyncssh.SSHServer):
            def begin_auth(self, username): return True
            def public_key_auth_supported(self): return False
            def password_auth_supported(self): return method in ("password", "expired")
            def validate_password(self, username, password):
                if method == "expired": raise asyncssh.PasswordChangeRequired("Change it now")
                return username == "guest" and password == "right horse"
            def kbdint_auth_supported(self): return method == "keyboard-interactive"
            def get_kbdint_challenge(self, username, lang, submethods):
                return "", "", "", [("Password: ", False)]
            def validate_kbdint_response(self, username, responses):
                return username == "guest" and responses == ["right horse"]

        async def run(process):
            try:
                process.stdout.write("ready\\n")
                await process.stdin.read()
                process.exit(0)
            except asyncssh.SignalReceived as received:
                process.exit_with_signal(received.signal)

        async def main():
            server = await asyncssh.create_server(
                Server, "127.0.0.1", 0, server_host_keys=[key], process_factory=run)
            print("listening", server.sockets[0].getsockname()[1], flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
        """
}
