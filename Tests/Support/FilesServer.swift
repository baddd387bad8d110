// An SSH server with SFTP alone, of a kind that sshd's sftp-server is not: see
// python/files_server.py. Run by the Python that ./test sets up.
import Foundation

/// A running SSH server that serves this machine's files in its own way.
public final class FilesServer: ConfiguredServer {
    /// How the server answers.
    public enum Kind: String, CaseIterable, Sendable {
        /// Asyncssh as it is: REALPATH follows links.
        case resolving
        /// Asyncssh with a lexical REALPATH.
        case lexical
        /// Paramiko: REALPATH is lexical, and lists show what links lead to.
        case paramiko
        /// Lists names that no file can have.
        case hostile
        /// Lists `.` for ever.
        case endless
        /// Reports no modes, so that nobody sees what is a link.
        case modeless
        /// Reports the size 2⁶⁴ − 1 for every file.
        case huge
    }

    /// The port it listens on, on 127.0.0.1.
    public let port: UInt16
    /// The user to log in as.
    public let user = "visitor"
    /// The key of the server.
    public let hostKeys: [SSHKey]
    /// The key that may log in.
    public let key: SSHKey
    /// Holds the server's keys.
    public let directory: TemporaryDirectory
    private let process: RunningProcess

    /// Starts one and waits until it listens.
    public init(_ kind: Kind) async throws {
        guard let python = Repository.python else {
            throw Unavailable("no Python clients: run ./test, which sets them up")
        }
        directory = try TemporaryDirectory("files-server")
        let hostKey = try await SSHKey.make(.ed25519, at: directory.file("host"))
        hostKeys = [hostKey]
        key = try await SSHKey.make(.ed25519, at: directory.file("id_ed25519"))
        let script = "\(Repository.root)/Tests/Support/python/files_server.py"
        process = try RunningProcess(
            python,
            [
                script, "--host-key", hostKey.path, "--public-key", "\(key.path).pub",
                "--kind", kind.rawValue,
            ])
        let line = try await process.line(containing: "listening ")
        guard let port = UInt16(line.dropFirst("listening ".count)) else {
            throw Unavailable("the server said: \(line)")
        }
        self.port = port
    }

    deinit { process.signal(SIGKILL) }

    /// What was asked of asyncssh so far, as `REQUEST PATH`.
    public var requests: [String] {
        process.output.split(separator: "\n").filter { $0.hasPrefix("asked ") }
            .map { String($0.dropFirst("asked ".count)) }
    }
}
