// A real SSH server of another make than OpenSSH. One user may log in, by a key and, where the
// server takes one, by a password: a throw-away user of the machine, or one that only the server
// knows.
// Invariant: no process of it survives `stop`; no file outside its folder and its user's home is
// written.
import Foundation

/// A running SSH server of another make.
public final class OtherServer: ConfiguredServer {
    /// Who made it.
    public enum Make: String, CaseIterable, Sendable {
        case dropbear, tinyssh, proftpd, conch, asyncssh, paramiko

        /// Whether it takes a password.
        public var takesPassword: Bool { self != .tinyssh }
        /// Whether it runs commands and shells: ProFTPD serves files alone.
        public var runsCommands: Bool { self != .proftpd }

        /// Whether a connection carries more than one channel.
        public var hasManyChannels: Bool { self != .tinyssh }

        /// Why it cannot run here; nil: it can.
        public var obstacle: String? {
            let needs: [Need] =
                switch self {
                case .dropbear: [.account, "dropbear"]
                case .tinyssh: [.account, .unpacked("tinysshd")]
                case .proftpd: [.root, .unpacked("proftpd")]
                case .conch: [.root, .pythonClients]
                case .asyncssh, .paramiko: [.pythonClients]
                }
            return needs.lazy.compactMap(\.obstacle).first
        }
    }

    /// The port it listens on, on 127.0.0.1.
    public let port: UInt16
    /// The user to log in as.
    public let user: String
    /// That user's password, where the server takes one.
    public let password: String
    /// The key of the server.
    public let hostKeys: [SSHKey]
    /// The key that may log in.
    public let key: SSHKey
    /// Holds the server's files.
    public let directory: TemporaryDirectory
    private let account: Account?
    private let process: RunningProcess

    /// Starts one and waits until it listens; `stop` ends it.
    ///
    /// `isRouter`: a dropbear on a machine that has busybox alone, without stat and SFTP, as
    /// routers are.
    public init(_ make: Make, isRouter: Bool = false) async throws {
        if let obstacle = make.obstacle { throw Unavailable(obstacle) }
        directory = try TemporaryDirectory(make.rawValue)
        key = try await SSHKey.make(.ed25519, at: directory.file("user"))
        let needsAccount = [.dropbear, .tinyssh].contains(make)
        account = needsAccount ? try await Account(usesOwnTerminal: false) : nil
        try account?.authorize(key)
        // Conch starts what it runs as a user of the machine.
        user = account?.name ?? (make == .conch ? NSUserName() : "visitor")
        password = account?.password ?? "right horse \(UInt32.random(in: 0 ... .max))"
        let files = OtherServerFiles(
            directory: directory, user: user, password: password, publicKey: key.path + ".pub")
        let hostKey: SSHKey
        (process, port, hostKey) =
            switch make {
            case .dropbear: try await files.dropbear(isRouter: isRouter)
            case .tinyssh: try await files.tinyssh()
            case .proftpd: try await files.proftpd()
            case .conch: try await files.python("conch_server")
            case .asyncssh: try await files.python("password_server")
            case .paramiko: try await files.python("paramiko_server")
            }
        hostKeys = [hostKey]
    }

    /// What the server has logged, for messages of failed tests.
    public var log: String { process.output + process.errors }

    /// Ends every connection at once, and the server with them.
    public func cut() {
        let started = process.end == nil ? Spawn.descendants(of: process.id) : []
        process.signal(SIGKILL)
        for id in started { kill(id, SIGKILL) }
        Spawn.endAll(marked: process.mark)
    }

    /// Ends the server, and removes its user.
    public func stop() async {
        cut()
        await account?.remove()
    }
}
