// An SSH server that logs in by password or keyboard-interactive answers, without system accounts.
// It is asyncssh from the Python that ./test sets up; see python/password_server.py.
import Foundation

/// A running SSH server that asks for a password.
public final class PasswordServer: Sendable {
    /// The port it listens on, on 127.0.0.1.
    public let port: UInt16
    /// The only user it knows.
    public let user = "visitor"
    /// That user's password.
    public let password = "correct horse \(UInt32.random(in: 0 ... .max))"
    /// The answer to its second question when it asks by keyboard-interactive.
    public let code = "123456"
    /// The server's key.
    public let hostKey: SSHKey
    private let directory: TemporaryDirectory
    private let process: RunningProcess

    /// Starts one; `interactive` asks `Password: ` and `Code: ` instead of a plain password.
    public init(interactive: Bool = false) async throws {
        guard let python = Repository.python else {
            throw Unavailable("no Python clients: run ./test, which sets them up")
        }
        directory = try TemporaryDirectory("password")
        hostKey = try await SSHKey.make(.ed25519, at: directory.file("host"))
        let script = "\(Repository.root)/Tests/Support/python/password_server.py"
        process = try RunningProcess(
            python,
            [script, "--host-key", hostKey.path, "--user", user, "--password", password]
                + (interactive ? ["--interactive"] : []))
        let line = try await process.line(containing: "listening ")
        guard let port = UInt16(line.dropFirst("listening ".count)) else {
            throw Unavailable("password server said: \(line)")
        }
        self.port = port
    }

    deinit { process.signal(SIGKILL) }

    /// A line for a known_hosts file that names its key.
    public var knownHosts: String {
        let parts = hostKey.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
        return "[127.0.0.1]:\(port) \(parts)\n"
    }
}
