// What an ssh_config and a known_hosts file say of a server that a test has started.
// Invariant: with its block a client reaches the server and logs in.

/// A server that a test's ssh_config names; it listens on 127.0.0.1.
public protocol ConfiguredServer: Sendable {
    /// The port it listens on.
    var port: UInt16 { get }
    /// The user to log in as.
    var user: String { get }
    /// The keys of the server.
    var hostKeys: [SSHKey] { get }
    /// A key that may log in.
    var key: SSHKey { get }
    /// Holds the server's files.
    var directory: TemporaryDirectory { get }
}

extension ConfiguredServer {
    /// Lines for a known_hosts file that name all of the server's keys.
    public var knownHosts: String {
        hostKeys.map { key in
            let parts = key.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
            return "[127.0.0.1]:\(port) \(parts)\n"
        }.joined()
    }

    /// An ssh_config block that reaches the server as `alias`.
    public func configuration(alias: String) throws -> String {
        let known = try directory.write(knownHosts, to: "known_hosts")
        return """
            Host \(alias)
                HostName 127.0.0.1
                Port \(port)
                User \(user)
                IdentityFile \(key.path)
                IdentitiesOnly yes
                UserKnownHostsFile \(known)

            """
    }
}
