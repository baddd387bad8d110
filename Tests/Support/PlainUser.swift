// Who runs what must not be root's: the user of the tests, or another one where that is root.
// Invariant: a program run so has no right over the files and processes of others.
import Foundation

/// A user without root's rights.
public enum PlainUser {
    private static let isRoot = geteuid() == 0

    /// The user's id, which is also the group's where root runs the tests.
    public static let id: UInt32 = isRoot ? 65534 : geteuid()

    /// Starts a program as this user.
    public static func start(
        _ program: String, _ arguments: [String]
    ) throws -> RunningProcess {
        let change = ["setpriv", "--reuid", "\(id)", "--regid", "\(id)", "--clear-groups", "--"]
        return try RunningProcess(
            "/usr/bin/env",
            ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"] + (isRoot ? change : []) + [program] + arguments)
    }

    /// Makes a file or folder this user's own.
    public static func own(_ path: String) {
        if isRoot { chown(path, id, id) }
    }
}
