// A real sshd on a loopback port, with its own keys, settings and (if asked) its own shell and
// home. Logs in the user who runs the tests, or a throw-away one. Restarted and stopped with
// everything it started.
// Invariant: no file outside its own folder is written, no process survives it.
import Foundation

/// A running OpenSSH server for one test.
public final class SSHServer: ConfiguredServer {
    /// What the server offers.
    public let options: Options
    /// The port it listens on, on 127.0.0.1.
    public let port: UInt16
    /// The user to log in as.
    public var user: String { options.account?.name ?? NSUserName() }
    /// Holds the server's files; `home` inside it is the home of sessions with a chosen shell.
    public let directory: TemporaryDirectory
    /// The keys of the server, in the order of the options.
    public let hostKeys: [SSHKey]
    /// A key that may log in.
    public let key: SSHKey
    private let listener: Box<RunningProcess>

    private init(
        options: Options, port: UInt16, directory: TemporaryDirectory, hostKeys: [SSHKey],
        key: SSHKey, listener: RunningProcess
    ) {
        (self.options, self.port, self.directory) = (options, port, directory)
        (self.hostKeys, self.key, self.listener) = (hostKeys, key, Box(listener))
    }

    deinit { stop() }

    /// Starts a server and waits until it listens.
    public static func start(_ options: Options = Options()) async throws -> SSHServer {
        guard let program = options.program else {
            throw Unavailable("sshd is not installed: run ./test, which installs it")
        }
        if getuid() == 0 { mkdir("/run/sshd", 0o755) }  // sshd wants it, its package makes it
        let directory = try TemporaryDirectory("sshd")
        var hostKeys: [SSHKey] = []
        for kind in options.hostKeys {
            let path = directory.file("host_\(kind.rawValue)")
            hostKeys.append(try await .make(kind, at: path))
        }
        let key = try await SSHKey.make(
            options.userKey, at: directory.file("id_\(options.userKey.rawValue)"),
            passphrase: options.passphrase)
        try directory.write(key.publicLine + "\n", to: "authorized_keys")
        let version = try await options.version()
        for _ in 0..<10 {
            let port = try Ports.free()
            let text = try options.configuration(in: directory, port: port, version: version)
            try directory.write(text, to: "sshd_config")
            try options.account?.mayRead(directory)
            if let listener = try await listen(program, directory) {
                return SSHServer(
                    options: options, port: port, directory: directory, hostKeys: hostKeys,
                    key: key, listener: listener)
            }
        }
        throw Unavailable("sshd found no free port")
    }

    /// Lets another public key (one line) log in.
    public func authorize(_ publicLine: String) throws {
        let path = directory.file("authorized_keys")
        let now = try String(contentsOfFile: path, encoding: .utf8)
        try directory.write(now + publicLine + "\n", to: "authorized_keys")
    }

    /// What the server has logged, for messages of failed tests.
    public var log: String { listener.withLock { $0.errors } }

    /// Processes of the server's sessions that still run.
    public func sessions() -> [Int32] {
        Spawn.marked(mark).filter { $0 != listener.withLock { $0.id } }
    }

    /// Cuts every connection; the server goes on listening.
    public func cutConnections() {
        let id = listener.withLock { $0.id }
        for process in Spawn.descendants(of: id) { kill(process, SIGKILL) }
        for process in sessions() { kill(process, SIGKILL) }
    }

    /// Cuts every connection, and leaves what was started over it alone.
    public func cutLinks() {
        let id = listener.withLock { $0.id }
        for process in Spawn.descendants(of: id) {
            let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)
            if name?.hasPrefix("sshd") == true { kill(process, SIGKILL) }
        }
    }

    /// Stops listening, cuts every connection and ends what ran on them.
    public func stop() {
        let process = listener.withLock { $0 }
        let started = process.end == nil ? Spawn.descendants(of: process.id) : []
        process.signal(SIGKILL)
        for id in started { kill(id, SIGKILL) }
        Spawn.endAll(marked: mark)
    }

    /// Listens again on the same port after `stop`.
    public func restart() async throws {
        guard let program = options.program else {
            throw Unavailable("sshd is gone")
        }
        let again = try await eventually { try await Self.listen(program, directory) }
        guard let again else { throw Unavailable("sshd could not listen on \(port) again") }
        listener.withLock { $0 = again }
    }

    private var mark: String { directory.path }

    private static func listen(_ program: String, _ directory: TemporaryDirectory) async throws
        -> RunningProcess?
    {
        let process = try RunningProcess(
            program, ["-D", "-e", "-f", directory.file("sshd_config")], mark: directory.path)
        let up = await eventually { () -> Bool? in
            if process.errors.contains("Server listening on") { return true }
            return process.end == nil ? nil : false
        }
        if up == true { return process }
        let errors = process.errors
        await process.stop()
        if errors.contains("Address already in use") { return nil }
        throw Unavailable("sshd did not start: \(errors)")
    }
}
