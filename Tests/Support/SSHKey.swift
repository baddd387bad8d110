// Key pairs for tests, made by the real ssh-keygen. RSA pairs are made once per run and copied.
import Foundation

/// A kind of SSH key.
public enum KeyKind: String, CaseIterable, Sendable {
    /// Ed25519.
    case ed25519
    /// ECDSA on nistp256.
    case ecdsa
    /// RSA with 3072 bits.
    case rsa
}

/// One SSH key pair on disk.
public struct SSHKey: Sendable {
    /// The private key's path; the public half stands beside it with `.pub`.
    public let path: String
    /// The public key as one line: type, base64, comment.
    public let publicLine: String

    /// Makes a pair at `path`; a passphrase encrypts it, `pem` writes the old PEM format.
    public static func make(
        _ kind: KeyKind, at path: String, passphrase: String = "", pem: Bool = false
    ) async throws -> SSHKey {
        guard let tool = Repository.find("ssh-keygen") else {
            throw Unavailable("ssh-keygen is not installed")
        }
        let size = kind == .rsa ? ["-b", "3072"] : []
        let format = pem ? ["-m", "PEM"] : []
        try await RunningProcess.run(
            tool,
            ["-q", "-t", kind.rawValue] + size + format
                + ["-N", passphrase, "-C", "homeline-test", "-f", path])
        let line = try String(contentsOfFile: "\(path).pub", encoding: .utf8)
        return SSHKey(path: path, publicLine: line.trimmingCharacters(in: .newlines))
    }

    /// The fingerprint as OpenSSH prints it: `SHA256:…`.
    public func fingerprint() async throws -> String {
        guard let tool = Repository.find("ssh-keygen") else {
            throw Unavailable("ssh-keygen is not installed")
        }
        let line = try await RunningProcess.run(tool, ["-l", "-E", "sha256", "-f", "\(path).pub"])
        return line.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    }
}

/// A running ssh-agent that holds the given keys.
public final class KeyAgent: Sendable {
    /// The value for `SSH_AUTH_SOCK`.
    public let socket: String
    private let process: RunningProcess

    private init(socket: String, process: RunningProcess) {
        (self.socket, self.process) = (socket, process)
    }

    deinit { process.signal(SIGTERM) }

    /// Starts an agent with its socket in `directory` and adds `keys`.
    public static func start(in directory: TemporaryDirectory, keys: [SSHKey]) async throws
        -> KeyAgent
    {
        guard let program = Repository.find("ssh-agent"), let add = Repository.find("ssh-add")
        else { throw Unavailable("ssh-agent is not installed") }
        let socket = directory.file("agent-\(UInt32.random(in: 0 ... .max)).sock")
        let process = try RunningProcess(program, ["-D", "-a", socket])
        // It has its socket a moment before it listens there.
        guard await holds(within: .seconds(20), { Self.listens(at: socket) }) else {
            throw Unavailable("ssh-agent did not start: \(process.errors)")
        }
        for key in keys {
            try await RunningProcess.run(add, [key.path], environment: ["SSH_AUTH_SOCK": socket])
        }
        return KeyAgent(socket: socket, process: process)
    }

    private static func listens(at path: String) -> Bool {
        let descriptor = Foundation.socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            room.copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
