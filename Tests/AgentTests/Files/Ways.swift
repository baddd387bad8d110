// The ways to files that the file calls have: this machine, SFTP, and a shell where there is no
// SFTP. The tests of what is the same on all of them walk these.
import Support

extension Desk {
    /// The targets of the three ways: `box` has SFTP, `plain` has none.
    nonisolated static let ways = ["site/local", "site/box", "site/plain"]
}

extension SSHServer.Options {
    /// What the server of a target offers.
    static func files(of target: String) -> Self {
        target.hasSuffix("/plain") ? .plain : .init(shell: .dash)
    }

    /// A server without SFTP.
    static var plain: Self { plain(.dash) }

    static func plain(_ shell: Shell) -> Self {
        // A subsystem of another name takes the place of SFTP's.
        .init(shell: shell, settings: ["Subsystem": "none /bin/false"])
    }
}
